"""A killed `ganpipe repro` leaves no process and no lock behind, and the next one completes."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ganpipe.common.errors import UserError
from ganpipe.scheduling.locks import clean_path_users
from ganpipe.scheduling.repro import repro
from tests.processes import running_in, wait_until
from tests.scheduling.conftest import Workspace, stage

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")

_RUN = "from ganpipe.scheduling.repro import repro; repro(2)"
# However slow the machine is: write only entries that cannot wait.
_WRITE_LATE = """
from ganpipe.scheduling import recorder
recorder._WAIT = float("inf")
create = recorder.Recorder.__init__
recorder.Recorder.__init__ = lambda self, graph: (create(self, graph), setattr(self, "_next", float("inf")), None)[-1]
"""
# A shell that starts a shell: the descendants of a stage must die too.
_HANG = "(sh -c 'echo $$ > {me}.pid; while test ! -e go; do sleep 0.1; done') && echo {me}"


def _pid(path: Path) -> int:
    wait_until(lambda: path.exists() and path.read_text().strip() != "")
    return int(path.read_text())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_killed_run_leaves_nothing_behind_and_the_next_completes(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    workspace.write({name: stage(_HANG.format(me=name), name) for name in ("a", "b")})
    scheduler = subprocess.Popen(
        [sys.executable, "-c", _RUN],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # If the tests run as a background job of a shell, children would ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for name in ("a", "b"):
        _pid(workspace.root / f"{name}.pid")
    scheduler.send_signal(number)
    assert scheduler.wait(15) != 0

    monkeypatch.chdir(workspace.root.parent)
    wait_until(lambda: not running_in(workspace.root))
    assert not (workspace.root / "dvc.lock").exists()
    users = json.loads((workspace.root / ".dvc" / "tmp" / "rwlock").read_text())
    assert not users.get("read"), "DVC would find these paths busy"
    assert not users.get("write")

    monkeypatch.chdir(workspace.root)
    (workspace.root / "go").touch()
    repro(2)
    assert (workspace.root / "out" / "b").read_text() == "b\n"
    assert "up to date" in workspace.dvc("status")


def test_a_stage_that_ended_before_the_kill_is_not_run_again(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries are written to dvc.lock together, so a kill may come before; DVC's run cache then has the stages.

    It never has stages without dependencies, so their entries are written at once.
    """
    workspace.write(
        {
            "first": stage("echo first >> ran && echo 1", "first"),
            "second": stage("echo second >> ran && echo 2", "second", "first"),
            "third": stage(_HANG.format(me="third"), "third", "second"),
        }
    )
    scheduler = subprocess.Popen(
        [sys.executable, "-c", _WRITE_LATE + _RUN], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _pid(workspace.root / "third.pid")
    scheduler.kill()
    scheduler.wait(15)
    monkeypatch.chdir(workspace.root.parent)
    wait_until(lambda: not running_in(workspace.root))
    monkeypatch.chdir(workspace.root)
    assert "first:" in workspace.lock()
    assert "second:" not in workspace.lock()

    (workspace.root / "go").touch()
    repro(1)
    assert (workspace.root / "ran").read_text() == "first\nsecond\n"
    assert "up to date" in workspace.dvc("status")


def test_an_interrupt_records_the_stages_that_have_ended(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    (workspace.root / "source.txt").write_text("1")
    workspace.write(
        {
            "first": stage("cat source.txt", "first", "source.txt"),
            "second": stage(_HANG.format(me="second"), "second", "first"),
        }
    )
    scheduler = subprocess.Popen(
        [sys.executable, "-c", _WRITE_LATE + _RUN],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    _pid(workspace.root / "second.pid")
    scheduler.send_signal(signal.SIGINT)
    scheduler.wait(15)
    assert "first:" in workspace.lock()
    assert "second:" not in workspace.lock()


def test_a_killed_worker_counts_as_a_failure_and_leaves_no_stage(workspace: Workspace) -> None:
    workspace.write({"victim": stage("echo $$ > victim.pid; kill -9 $PPID; sleep 60; echo a", "a")})
    with pytest.raises(UserError, match="victim failed"):
        repro(1)
    stage_pid = _pid(workspace.root / "victim.pid")
    wait_until(lambda: not psutil.pid_exists(stage_pid))


def test_a_half_written_list_of_path_users_is_removed(workspace: Workspace) -> None:
    workspace.write({"a": stage("echo a", "a")})
    workspace.dvc("status")  # creates the folder
    (workspace.root / ".dvc" / "tmp" / "rwlock").touch()
    repro(1)
    assert "up to date" in workspace.dvc("status")


def test_a_dead_process_is_removed_from_the_path_users(tmp_path: Path) -> None:
    dead, alive = {"pid": 1, "cmd": "repro"}, {"pid": 2, "cmd": "repro"}
    users = {"write": {"a": dead, "b": alive}, "read": {"c": [dead], "d": [dead, alive]}}
    (tmp_path / "rwlock").write_text(json.dumps(users))
    clean_path_users(tmp_path, 1)
    assert json.loads((tmp_path / "rwlock").read_text()) == {"write": {"b": alive}, "read": {"d": [alive]}}
