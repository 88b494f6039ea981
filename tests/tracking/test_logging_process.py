"""The process that logs to MLflow for a stage."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from unittest.mock import Mock

import psutil
import pytest

from ganpipe.tracking import logging_process
from ganpipe.tracking.logging_connection import LoggingConnection
from ganpipe.tracking.timeouts import STAGE, TrackingError
from tests.conftest import REPOSITORY
from tests.processes import wait_until
from tests.tracking.conftest import Checkout

STAGE_THAT_LOGS = """
import sys
from pathlib import Path
from tests.tracking.conftest import Checkout
from tests.tracking.trainings import train
train(Checkout(Path(sys.argv[1]), Path()))
print("mlflow" in sys.modules)
"""
STAGE_THAT_IS_KILLED = """
import os, sys
from pathlib import Path
from ganpipe.tracking.logging_connection import LoggingConnection
from ganpipe.tracking.timeouts import STAGE
process = LoggingConnection(Path(sys.argv[1]), STAGE)
assert process.call("begin", key="k", part={"name": "train", "kind": "run", "started_ms": 1,
                                             "settings": {"train": {"dataset": "d"}}, "labels": {"run": "r"}})
print(process.process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
PART = {
    "name": "train", "kind": "run", "started_ms": 1, "settings": {"train": {"dataset": "d"}}, "labels": {"run": "r"},
}  # fmt: skip
PROCESS_THAT_PRINTS = """
import subprocess
from ganpipe.tracking import logging_process
def show_record(session, key):
    print("noise from Python", flush=True)
    subprocess.run(["echo", "noise from another program"], check=True)
    return [key.upper()]
logging_process.OPERATIONS["show_record"] = show_record
logging_process.main()
"""


@pytest.fixture(scope="module")
def shared(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggingConnection]:
    """One process for all tests that leave it unchanged: it takes seconds to start."""
    root = tmp_path_factory.mktemp("shared")
    shutil.copyfile(empty_database, root / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        made = LoggingConnection(root, STAGE)
    yield made
    made.close()


def test_an_operation_returns_its_result(shared: LoggingConnection) -> None:
    assert shared.call("mark_failed", key="nobody", status="FAILED") is None


def test_a_failing_store_is_a_tracking_error_and_does_not_end_the_process(shared: LoggingConnection) -> None:
    assert shared.call("begin", key="k", part=PART)
    with pytest.raises(TrackingError, match="NONSENSE"):
        shared.call("mark_failed", key="k", status="NONSENSE")
    assert shared.call("mark_failed", key="k", status="FAILED") is None


def test_a_bug_ends_the_process_and_is_a_tracking_error_for_the_stage(checkout: Checkout) -> None:
    process = LoggingConnection(checkout.root, STAGE)
    for _ in range(2):
        with pytest.raises(TrackingError, match="the process that writes to it ended with 1"):
            process.call("no such operation")
    process.close()


def test_ctrl_c_is_left_to_the_stage(shared: LoggingConnection) -> None:
    os.kill(shared.process.pid, signal.SIGINT)
    assert shared.call("mark_failed", key="nobody", status="FAILED") is None
    assert shared.process.poll() is None


def test_printed_text_does_not_mix_with_the_answers(checkout: Checkout) -> None:
    messages = [{"root": str(checkout.root), "timeouts": asdict(STAGE)}]
    messages += [{"operation": "show_record", "arguments": {"key": key}} for key in ("one", "two")]
    done = subprocess.run(
        [sys.executable, "-c", PROCESS_THAT_PRINTS],
        input="".join(json.dumps(message) + "\n" for message in messages),
        capture_output=True,
        text=True,
        check=True,
    )
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"result": ["ONE"]}, {"result": ["TWO"]}]
    assert "noise from Python" in done.stderr and "noise from another program" in done.stderr


def test_a_stage_does_not_import_mlflow_itself(checkout: Checkout) -> None:
    """In the stage's own process the import would take turns with the training, which would stand still for seconds."""
    assert run(STAGE_THAT_LOGS, checkout) == "False"
    assert checkout.runs()["key-e01-0"].info.status == "FINISHED"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends when it next reads its pipe")
def test_it_dies_with_its_stage(checkout: Checkout) -> None:
    other = int(run(STAGE_THAT_IS_KILLED, checkout, expected=-signal.SIGKILL))
    wait_until(lambda: not psutil.pid_exists(other) or psutil.Process(other).status() == psutil.STATUS_ZOMBIE, 5)


def test_nothing_is_pickled() -> None:
    for module in (REPOSITORY / "src" / "ganpipe" / "tracking").glob("*.py"):
        assert "import pickle" not in module.read_text()


def test_a_killed_stage_ends_the_monitor_of_its_run(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run itself stays open until `sync` closes it, and a shared process lives on."""
    monitor = Mock()
    monkeypatch.setattr(logging_process, "monitor_system", lambda *_: monitor)
    stage, process = socket.socketpair()
    serving = Thread(target=logging_process._serve_connection, args=(process,))
    serving.start()
    opening = {"root": str(checkout.root), "timeouts": asdict(STAGE)}
    request = {"operation": "begin", "arguments": {"key": "k", "part": PART}}
    stage.sendall("".join(json.dumps(message) + "\n" for message in (opening, request)).encode())
    assert json.loads(stage.makefile("rb").readline()) == {"result": True}
    assert not monitor.finish.called
    stage.close()
    serving.join(10)
    assert monitor.finish.called
    assert checkout.runs()["k"].info.status == "RUNNING"


def run(program: str, checkout: Checkout, expected: int = 0) -> str:
    command = [sys.executable, "-c", program, str(checkout.root)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == expected, done.stderr
    return done.stdout.strip()
