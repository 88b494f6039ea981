import multiprocessing
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ganpipe.tracking.store import location, open_store
from ganpipe.tracking.timeouts import STAGE, redact


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


def test_the_environment_names_another_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/other.db")
    assert location(tmp_path) == open_store(tmp_path, STAGE).uri == f"sqlite:///{tmp_path}/other.db"
    assert not (tmp_path / "mlflow.db").exists()


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
