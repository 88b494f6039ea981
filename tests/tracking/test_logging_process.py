import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ganpipe.tracking.logging_process import LoggingProcess
from ganpipe.tracking.store import STAGE, Store
from ganpipe.tracking.timeouts import TrackingError
from tests.processes import wait_until
from tests.tracking.conftest import Checkout

STAGE_THAT_SHOWS_ITSELF = """
import sys
from pathlib import Path
from tests.tracking.conftest import Checkout
from tests.tracking.test_stage_tracking import train
train(Checkout(Path(sys.argv[1]), Path()))
print("mlflow" in sys.modules)
"""
STAGE_THAT_IS_KILLED = """
import os, sys
from pathlib import Path
from ganpipe.tracking.logging_process import Service
from ganpipe.tracking.store import STAGE
from tests.tracking.test_logging_process import process
service = Service(Path(sys.argv[1]), STAGE)
print(service.ask(process), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture(scope="module")
def shared(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoggingProcess]:
    """One process for all tests that leave it as it was: it takes seconds to begin."""
    root = tmp_path_factory.mktemp("shared")
    shutil.copyfile(empty_database, root / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        made = LoggingProcess(root, STAGE)
    yield made
    made.close()


def process(store: Store) -> int:
    return os.getpid()


def talkative(store: Store, text: str) -> str:
    print(text)
    subprocess.run(["echo", text], check=True)
    return text.upper()


def troubled(store: Store) -> None:
    raise TrackingError("no room left")


def faulty(store: Store) -> None:
    raise ZeroDivisionError


def test_answers_come_from_another_process_in_order(shared: LoggingProcess) -> None:
    assert shared.ask(process) == shared.ask(process) != os.getpid()
    assert shared.ask(Store.find, "nobody") is None


def test_what_is_printed_there_is_no_answer(shared: LoggingProcess) -> None:
    assert [shared.ask(talkative, text) for text in ("one", "two")] == ["ONE", "TWO"]


def test_trouble_is_told_and_does_not_end_it(shared: LoggingProcess) -> None:
    with pytest.raises(TrackingError, match="no room left"):
        shared.ask(troubled)
    assert shared.ask(process)


def test_a_fault_ends_it_and_is_trouble_here(checkout: Checkout) -> None:
    service = LoggingProcess(checkout.root, STAGE)
    for _ in range(2):
        with pytest.raises(TrackingError, match="the process that writes to it ended with 1"):
            service.ask(faulty)
    service.close()


def test_ctrl_c_is_left_to_the_stage(shared: LoggingProcess) -> None:
    other = shared.ask(process)
    os.kill(other, signal.SIGINT)
    assert shared.ask(process) == other


def test_a_stage_does_not_import_mlflow_itself(checkout: Checkout) -> None:
    """Two interpreters' work in one process takes turns: a training stood still for seconds."""
    assert run(STAGE_THAT_SHOWS_ITSELF, checkout) == "False"
    assert checkout.runs()["key-e01-0"].info.status == "FINISHED"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends when it next reads its pipe")
def test_it_dies_with_its_stage(checkout: Checkout) -> None:
    other = int(run(STAGE_THAT_IS_KILLED, checkout, expected=-signal.SIGKILL))
    wait_until(lambda: not psutil.pid_exists(other) or psutil.Process(other).status() == psutil.STATUS_ZOMBIE, 5)


def run(program: str, checkout: Checkout, expected: int = 0) -> str:
    command = [sys.executable, "-c", program, str(checkout.root)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == expected, done.stderr
    return done.stdout.strip()
