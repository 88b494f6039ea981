import subprocess
from pathlib import Path

import pytest

from ganpipe.doctor.state import check_dvc, check_git, check_mlflow
from ganpipe.records.store import records_folder
from ganpipe.tracking.store import STAGE, open_store


def git(*arguments: str) -> None:
    subprocess.run(["git", *arguments], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("DVC_ROOT", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    git("init", "--quiet")
    git("config", "user.name", "tester")
    git("config", "user.email", "tester@example.org")
    git("commit", "--quiet", "--allow-empty", "--message", "state")
    return tmp_path


def test_git_tells_what_is_not_committed(clone: Path) -> None:
    assert check_git().state == "ok"
    (clone / "new").touch()
    finding = check_git()
    assert (finding.state, finding.told[:7]) == ("note", "1 files")


@pytest.mark.parametrize("key", ["user.name", "user.email"])
def test_git_tells_when_it_does_not_know_the_user(clone: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    variable = f"GIT_COMMITTER_{key.removeprefix('user.').upper()}"
    monkeypatch.delenv(variable, raising=False)
    git("config", "--unset", key)
    finding = check_git()
    assert finding.state == "note" and "does not know you" in finding.told
    monkeypatch.setenv(variable, "tester")
    assert check_git().state == "ok"


def test_no_clone_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    finding = check_git()
    assert finding.state == "STOP" and "not a git repository" in finding.told


def test_dvc_tells_which_stages_would_run(clone: Path) -> None:
    def dvc(*arguments: str) -> None:
        subprocess.run(["dvc", *arguments], check=True, capture_output=True)

    lock = Path("dvc.lock")
    assert "nothing has run" in check_dvc(lock).told
    dvc("init", "--quiet")
    Path("input").write_text("1")
    dvc("stage", "add", "--quiet", "--run", "-n", "copy", "-d", "input", "-o", "output", "cp input output")
    assert check_dvc(lock).state == "ok"
    Path("input").write_text("2")
    finding = check_dvc(lock)
    assert (finding.state, finding.told) == ("note", "not up to date: copy")


def test_a_folder_without_dvc_stops(clone: Path) -> None:
    lock = clone / "dvc.lock"
    lock.touch()
    finding = check_dvc(lock)
    assert finding.state == "STOP" and "not inside of a DVC repository" in finding.told


def test_a_store_that_is_not_there_yet_is_left_so(clone: Path) -> None:
    (finding,) = check_mlflow(clone)
    assert finding.state == "ok"
    assert not list(clone.glob("mlflow.db*"))


def test_a_server_that_does_not_answer_is_no_reason_to_stop(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    (finding,) = check_mlflow(clone)
    assert finding.state == "note" and "ganpipe sync" in finding.cure


def test_a_damaged_record_is_named(clone: Path) -> None:
    open_store(clone, STAGE)
    damaged = records_folder(clone) / "key-a-0" / "train" / "part.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    (finding,) = check_mlflow(clone)
    assert finding.state == "note" and str(damaged) in finding.told
