import subprocess
import sys
from pathlib import Path

import pytest

from ganpipe.doctor.finding import Finding
from ganpipe.doctor.state import check_dvc, check_git, check_mlflow
from ganpipe.records.store import records_folder
from ganpipe.tracking.store import open_store
from ganpipe.tracking.timeouts import STAGE, TrackingError
from tests.tracking.conftest import Checkout, checkout, empty_database
from tests.tracking.servers import mlflow_server

__all__ = ["checkout", "empty_database"]  # fixtures


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("DVC_ROOT", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    git("init", "--quiet")
    git("config", "user.name", "tester")
    git("config", "user.email", "tester@example.org")
    for message in ("first", "second"):
        git("commit", "--quiet", "--allow-empty", "--message", message)
    return folder


def git_finding() -> Finding:
    (finding,) = check_git()
    return finding


def test_uncommitted_files_are_counted(clone: Path) -> None:
    assert git_finding().state == "ok"
    (clone / "new").touch()
    finding = git_finding()
    assert (finding.state, finding.message[:7]) == ("note", "1 files")


@pytest.mark.parametrize("key", ["user.name", "user.email"])
def test_a_missing_name_or_email_is_noted(clone: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    variable = f"GIT_COMMITTER_{key.removeprefix('user.').upper()}"
    monkeypatch.delenv(variable, raising=False)
    git("config", "--unset", key)
    finding = git_finding()
    assert finding.state == "note" and "name or email is not set" in finding.message
    monkeypatch.setenv(variable, "tester")
    assert git_finding().state == "ok"


def test_a_folder_without_a_repository_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    finding = git_finding()
    assert finding.state == "STOP" and "not a git repository" in finding.message


def test_a_checkout_of_another_user_is_noted_with_safe_directory(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    finding = git_finding()
    assert finding.state == "note", "`make repro` works nevertheless"
    assert "another user" in finding.message and "do not record their commit" in finding.message
    assert finding.fix == f"`git config --global --add safe.directory {clone}`"


def test_a_shallow_clone_is_noted_with_the_command_that_completes_it(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("clone", "--quiet", "--depth", "1", clone.as_uri(), str(tmp_path / "shallow"))
    monkeypatch.chdir(tmp_path / "shallow")
    finding, *_ = check_git()
    assert finding.state == "note" and "dvc exp run --temp" in finding.message
    assert finding.fix == "`git fetch --unshallow`"


def test_stages_that_would_run_are_listed(clone: Path) -> None:
    def dvc(*arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "dvc", *arguments], check=True, capture_output=True)

    lock = Path("dvc.lock")
    assert "nothing has run" in check_dvc(lock).message
    dvc("init", "--quiet")
    Path("input").write_text("1")
    dvc("stage", "add", "--quiet", "--run", "-n", "copy", "-d", "input", "-o", "output", "cp input output")
    assert check_dvc(lock).state == "ok"
    Path("input").write_text("2")
    finding = check_dvc(lock)
    assert (finding.state, finding.message) == ("note", "not up to date: copy")


def test_a_half_written_list_of_path_users_stops(clone: Path) -> None:
    (clone / ".dvc" / "tmp").mkdir(parents=True)
    (clone / ".dvc" / "tmp" / "rwlock").touch()
    finding = check_dvc(Path("dvc.lock"))
    assert finding.state == "STOP" and "`ganpipe repro` removes it" in finding.fix


def test_a_folder_without_dvc_stops(clone: Path) -> None:
    lock = clone / "dvc.lock"
    lock.touch()
    finding = check_dvc(lock)
    assert finding.state == "STOP" and "not inside of a DVC repository" in finding.message


def test_a_silent_failure_of_dvc_stops(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = clone / "dvc.lock"
    lock.touch()
    program = clone / "python"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    finding = check_dvc(lock)
    assert finding.state == "STOP" and "exit code 3" in finding.message


def test_a_missing_store_is_not_created(clone: Path) -> None:
    (finding,) = check_mlflow(clone)
    assert finding.state == "ok"
    assert not list(clone.glob("mlflow.db*"))


def test_a_server_that_does_not_answer_is_only_noted(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    (finding,) = check_mlflow(clone)
    assert finding.state == "note" and "ganpipe sync" in finding.fix


def test_a_moved_checkout_is_noted(clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(clone, STAGE)
    moved = clone.rename(tmp_path / "moved")
    monkeypatch.chdir(moved)
    (finding,) = check_mlflow(moved)
    assert finding.state == "note" and str(clone) in finding.message and "ganpipe sync" in finding.fix


@pytest.mark.parametrize("uri", ["file:./mlruns", "./mlruns", "file:///mlruns"])
def test_a_file_store_is_noted(clone: Path, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    (finding,) = check_mlflow(clone)
    assert finding.state == "note" and "file stores are not supported" in finding.message
    assert finding.fix.startswith("Unset it to use the database of the checkout")


def test_a_damaged_database_is_noted_with_the_way_to_a_new_one(clone: Path) -> None:
    (clone / "mlflow.db").write_bytes(b"not a database" * 99)
    (finding,) = check_mlflow(clone)
    assert finding.state == "note" and "file is not a database" in finding.message
    assert f"move {clone}/mlflow.db away; `ganpipe sync`" in finding.fix


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ("", "requests to it go through the proxy http://192.0.2.1:3128; if it needs none, add server.invalid to"),
        ("server.invalid", "check that it is running"),
        ("*", "check that it is running"),
    ],
)
def test_a_proxy_before_a_server_that_does_not_answer_is_named(
    clone: Path, known: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise TrackingError("no answer within 5 seconds")

    monkeypatch.setattr("ganpipe.doctor.state.open_store", refuse)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server.invalid:5000")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://me:secret@192.0.2.1:3128")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, known)
    (finding,) = check_mlflow(clone)
    assert finding.fix.startswith(expected)


@pytest.mark.parametrize("missing", ["/logged-models", "/registered-models"])
def test_a_server_without_model_registry_is_noted(
    checkout: Checkout, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.train("e01-0")
    checkout.sync()
    with mlflow_server(checkout, monkeypatch):
        (finding,) = check_mlflow(checkout.root)
        assert finding.state == "ok" and "shows all 1 records" in finding.message
    with mlflow_server(checkout, monkeypatch, missing=missing):
        shown, finding = check_mlflow(checkout.root)
    assert shown.state == "ok"
    assert finding.state == "note" and "no champion" in finding.message and "MLflow 3" in finding.fix


def test_a_damaged_record_is_reported_with_its_path(clone: Path) -> None:
    open_store(clone, STAGE)
    damaged = records_folder(clone) / "key-a-0" / "train" / "part.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    (finding,) = check_mlflow(clone)
    assert finding.state == "note" and str(damaged) in finding.message
