import multiprocessing
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from filelock import FileLock

from ganpipe.__main__ import main
from ganpipe.tracking import store
from ganpipe.tracking.store import check_supported, location, open_store
from ganpipe.tracking.timeouts import STAGE, TrackingError, redact
from tests.processes import bytes_of, wait_until
from tests.tracking.conftest import Checkout
from tests.tracking.servers import mlflow_server


def create(root: Path) -> None:
    open_store(root, STAGE).client.search_runs(["1"])


def test_eight_processes_create_one_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    workers = [multiprocessing.get_context("spawn").Process(target=create, args=(tmp_path,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 8
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        query = "SELECT name, artifact_location FROM experiments WHERE name LIKE 'ganpipe%' ORDER BY name"
        artifacts = (tmp_path / "mlartifacts").as_uri()
        assert connection.execute(query).fetchall() == [("ganpipe", artifacts), ("ganpipe-pipeline", artifacts)]
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_killed_creation_leaves_no_half_written_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow cannot open a database whose tables were created partly."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    creation = multiprocessing.get_context("spawn").Process(target=create, args=(tmp_path,))
    creation.start()
    wait_until(lambda: bytes_of(tmp_path, "mlflow.db*") > 100_000, 120)
    creation.kill()
    creation.join()
    assert not (tmp_path / "mlflow.db").exists()
    create(tmp_path)
    allowed = {"mlflow.db", "mlflow.db-wal", "mlflow.db-shm", "mlflow.db.lock"}
    assert {file.name for file in tmp_path.glob("mlflow.db*")} <= allowed


def test_a_shared_database_is_created_by_one_checkout_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them removes files that a killed creation left, so it must not meet one that is being written."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/team/runs.db")
    monkeypatch.setattr(store, "_CREATION", 0.1)
    for name in ("mine", "team"):
        (tmp_path / name).mkdir()
    written = tmp_path / "team" / "runs.db.1.new"
    written.touch()
    with (
        FileLock(tmp_path / "team" / "runs.db.lock"),
        pytest.raises(TrackingError, match=r"has been creating .*runs.db"),
    ):
        open_store(tmp_path / "mine", STAGE)
    assert written.exists()


def test_a_database_that_cannot_be_created_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/file/sub/runs.db")
    with pytest.raises(TrackingError, match=r"file/sub/runs.db cannot be created: Not a directory"):
        open_store(tmp_path, STAGE)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_server_on_this_machine_is_reached_without_the_proxy(
    checkout: Checkout, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing answers
    for excluded in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(excluded, "")
    with mlflow_server(checkout, monkeypatch):
        assert open_store(checkout.root, STAGE).client.search_runs(["0"]) == []


def test_the_environment_names_another_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    assert location(tmp_path) == open_store(tmp_path, STAGE).uri == f"sqlite:///{tmp_path}/other.db"
    assert not (tmp_path / "mlflow.db").exists()


def test_a_relative_database_belongs_to_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC deletes the working directory of a temporary experiment."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")
    assert location(tmp_path) == f"sqlite:///{tmp_path}/other.db"


@pytest.mark.parametrize("uri", ["file:./mlruns", "file:///mlruns", "./mlruns", "/mlruns", "mlruns"])
def test_file_stores_are_rejected(tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingError, match=r"file stores are not supported. Unset it"):
        open_store(tmp_path, STAGE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("uri", ["sqlite:////a.db", "http://a", "https://a", "postgresql+psycopg2://a/b", "databricks"])
def test_databases_and_servers_are_supported(uri: str) -> None:
    check_supported(uri)


@pytest.mark.parametrize("command", [["ui"], ["sync"], ["pull", "pulled"]], ids=lambda words: words[0])
@pytest.mark.parametrize("name", ["MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"])
@pytest.mark.parametrize("uri", ["file:./mlruns", "./mlruns"])
def test_commands_reject_a_file_store_with_one_sentence(
    checkout: Checkout,
    name: str,
    uri: str,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (checkout.root / "params.yaml").touch()
    monkeypatch.chdir(checkout.root)
    monkeypatch.setenv(name, uri)
    assert main(command) == 1
    assert capsys.readouterr().err.startswith(f"error: {name}={uri}: MLflow's file stores are not supported. Unset it")


def test_a_moved_checkout_uses_its_own_artifacts(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    checkout.whole()
    checkout.sync()
    moved = Checkout(checkout.root.rename(checkout.root.with_name("moved")), checkout.empty_database)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{moved.root}/mlflow.db")  # for MLflow's own functions
    assert moved.sync().shown == []
    key = moved.train("e02-0")
    moved.sync()
    assert not checkout.root.exists()
    for run in moved.runs().values():
        path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="provenance.json")
        assert run.info.artifact_uri.startswith(moved.root.as_uri()) and Path(path).exists()
    assert key in moved.runs()
    champion = moved.client().get_model_version_by_alias("ganpipe-generator", "champion")
    assert mlflow.pyfunc.load_model(champion.source) and mlflow.pyfunc.load_model("models:/ganpipe-generator@champion")


@pytest.mark.parametrize("uri", ["sqlite:///runs.db", "sqlite:///stores/runs.db"])
def test_a_moved_checkout_uses_its_own_artifacts_with_any_database_of_its_own(
    tmp_path: Path, uri: str, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    database = tmp_path / "old" / uri.removeprefix("sqlite:///")
    database.parent.mkdir(parents=True)
    shutil.copyfile(empty_database, database)
    open_store(tmp_path / "old", STAGE)
    moved = (tmp_path / "old").rename(tmp_path / "moved")
    store = open_store(moved, STAGE)
    assert store.client.get_experiment(store.runs_id).artifact_location == (moved / "mlartifacts").as_uri()


def test_a_database_outside_of_the_checkout_keeps_its_artifacts(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another checkout may use it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/team.db")
    shutil.copyfile(empty_database, tmp_path / "team.db")
    for name in ("mine", "yours"):
        (tmp_path / name).mkdir()
        store = open_store(tmp_path / name, STAGE)
    artifacts = store.client.get_experiment(store.runs_id).artifact_location
    assert artifacts == (tmp_path / "mine" / "mlartifacts").as_uri()


def test_a_copied_checkout_leaves_the_original_unchanged(checkout: Checkout) -> None:
    checkout.whole()
    checkout.sync()
    before = checkout.shown()
    copy = Checkout(checkout.root.with_name("copy"), checkout.empty_database)
    shutil.copytree(checkout.root, copy.root)
    copy.train("e02-0")
    copy.sync()
    assert checkout.shown() == before
    assert all(str(copy.root) in run.info.artifact_uri for run in copy.runs().values())


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("http://me:pass@host:5000/x", "http://host:5000/x"),
        ("failed at https://me:p@ss@host/api?token=1 and more", "failed at https://host/api and more"),
        ("sqlite:////tmp/mlflow.db", "sqlite:////tmp/mlflow.db"),
    ],
)
def test_secrets_are_removed_from_messages(text: str, redacted: str) -> None:
    assert redact(text) == redacted
