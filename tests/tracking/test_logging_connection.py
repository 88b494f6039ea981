"""The connection of stages to a logging process that they share."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from ganpipe.tracking.logging_connection import LoggingConnection, shared_logging_process
from ganpipe.tracking.timeouts import STAGE, TrackingError
from tests.processes import wait_until
from tests.tracking.conftest import Checkout
from tests.tracking.test_logging_process import PART


@contextmanager
def two_stages(checkout: Checkout, log: Path) -> Iterator[tuple[psutil.Process, LoggingConnection, LoggingConnection]]:
    """A shared process and two connections to it."""
    others = psutil.Process().children()
    with shared_logging_process(log):
        first, second = LoggingConnection(checkout.root, STAGE), LoggingConnection(checkout.root, STAGE)
        (process,) = set(psutil.Process().children()) - set(others)
        yield process, first, second
        first.close()
        second.close()


def test_stages_of_one_program_share_a_process(checkout: Checkout, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "mlflow.log"
    with two_stages(checkout, log) as (process, first, second):
        assert first.process is None and second.process is None
        assert first.call("begin", key="k1", part=PART) and second.call("begin", key="k2", part=PART)
        assert second.call("mark_failed", key="k1", status="FAILED") is None
        assert checkout.runs()["k1"].info.status == "FAILED"
    assert not process.is_running()
    alone = LoggingConnection(checkout.root, STAGE)
    assert alone.process, "a stage without the program starts its own"
    alone.close()


def test_a_bug_in_a_shared_process_fails_one_stage_and_is_logged(checkout: Checkout, tmp_path: Path) -> None:
    log = tmp_path / "mlflow.log"
    with two_stages(checkout, log) as (_, first, second):
        for _ in range(2):
            with pytest.raises(TrackingError, match="the process that writes to it has closed the connection"):
                first.call("no such operation")
        assert second.call("mark_failed", key="nobody", status="FAILED") is None
    assert "KeyError: 'no such operation'" in log.read_text()


def test_a_killed_shared_process_fails_its_stages_and_the_next_stage_starts_its_own(
    checkout: Checkout, tmp_path: Path
) -> None:
    with two_stages(checkout, tmp_path / "mlflow.log") as (process, first, _):
        assert first.call("mark_failed", key="nobody", status="FAILED") is None
        process.kill()
        with pytest.raises(TrackingError, match="has closed the connection"):
            first.call("mark_failed", key="nobody", status="FAILED")
        wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE, 5)
        third = LoggingConnection(checkout.root, STAGE)
        assert third.process and third.call("mark_failed", key="nobody", status="FAILED") is None
        third.close()


def test_a_socket_whose_address_is_too_long_is_not_used(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 120)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with shared_logging_process(tmp_path / "mlflow.log"):
        alone = LoggingConnection(checkout.root, STAGE)
        assert alone.process
        alone.close()
