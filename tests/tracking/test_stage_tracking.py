import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from ganpipe.records import writers
from ganpipe.records.store import load
from ganpipe.tracking.logging_connection import LoggingConnection
from ganpipe.tracking.stage_tracking import LiveRun, Tracking
from ganpipe.tracking.timeouts import STAGE, TrackingError
from tests.tracking.conftest import EPOCH, STARTED, Checkout
from tests.tracking.servers import Broken, Hanging, mlflow_server, serving
from tests.tracking.trainings import KEY, log_epoch, train, training


def assert_survives(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> str:
    """Train, and check that it costs one failed call and one warning. Returns the warning.

    How long a call takes at most is tested with `timeouts`; the seconds of a training depend on the machine's load.
    """
    failed, call = [], LoggingConnection.call

    def counted_call(connection: LoggingConnection, operation: str, **arguments: Any) -> Any:
        try:
            return call(connection, operation, **arguments)
        except TrackingError:
            failed.append(operation)
            raise

    with patch.object(LoggingConnection, "call", counted_call):
        train(checkout)
    assert len(failed) == 1, "after the first failure no other call is made"
    assert "history.csv" in load(checkout.root, KEY).parts["train"].files
    # Servers of the tests log into this process, too.
    lines = [line for line in capsys.readouterr().err.splitlines() if "mlflow.server" not in line]
    assert len(lines) == 1
    assert "`ganpipe sync`" in lines[0]
    return lines[0]


@pytest.mark.parametrize("handler", [Broken, Hanging])
def test_a_broken_server_costs_one_warning(
    handler: type[Broken], checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(handler) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        warning = assert_survives(checkout, capsys)
    assert "127.0.0.1" in warning
    assert "secret" not in warning
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert checkout.sync().shown == [KEY]


def test_a_refusing_server_costs_one_warning(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Broken) as uri:
        pass
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert_survives(checkout, capsys)


def test_a_slow_server_costs_one_warning(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ganpipe.tracking.stage_tracking.STAGE", replace(STAGE, total=2))
    with mlflow_server(checkout, monkeypatch, delay=0.7):  # all requests together would take more than 15 seconds
        assert_survives(checkout, capsys)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert checkout.sync().shown == [KEY]


def test_a_locked_database_costs_one_warning(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    checkout.sync()
    with closing(sqlite3.connect(checkout.root / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert_survives(checkout, capsys)
    assert checkout.sync().shown == [KEY]


def test_a_database_removed_during_training_costs_one_warning(
    checkout: Checkout, capsys: pytest.CaptureFixture[str]
) -> None:
    with training(checkout) as live:
        live.wait()
        log_epoch(checkout, live, 1)
        live.wait()
        (checkout.root / "mlflow.db").unlink()
        log_epoch(checkout, live, 2)
        log_epoch(checkout, live, 3)
    (warning,) = capsys.readouterr().err.splitlines()
    assert "was removed" in warning


def test_a_server_that_dies_during_training_costs_one_warning(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.sync()
    with mlflow_server(checkout, monkeypatch) as server, Tracking(checkout.root) as tracking:
        with LiveRun(tracking, checkout.root, KEY, checkout.part("e01-0")) as live:
            live.wait()
            log_epoch(checkout, live, 1)
            live.wait()
            assert checkout.runs()[KEY].data.metrics["loss/loss_d"] == 2.0
            server.shutdown()
            server.server_close()
            log_epoch(checkout, live, 2)
            writers.write_training(checkout.root, KEY, live.part, checkout.model("e01-0"))
        tracking.publish(KEY)
    assert len(capsys.readouterr().err.splitlines()) == 1
    with mlflow_server(checkout, monkeypatch):
        assert checkout.sync().shown == [KEY]
    assert checkout.runs()[KEY].data.metrics["loss/loss_d"] == 4.0


def test_a_killed_logging_process_costs_one_warning(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    with Tracking(checkout.root) as tracking:
        with LiveRun(tracking, checkout.root, KEY, checkout.part("e01-0")) as live:
            live.wait()
            tracking._connection.process.kill()
            log_epoch(checkout, live, 1)
            writers.write_training(checkout.root, KEY, live.part, checkout.model("e01-0"))
        tracking.publish(KEY)
    (warning,) = capsys.readouterr().err.splitlines()
    assert "the process that writes to it ended with -9" in warning
    assert checkout.sync().shown == [KEY]


def test_a_password_in_the_tracking_uri_is_stored_nowhere(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with mlflow_server(checkout, monkeypatch):
        train(checkout)
        checkout.whole("e02-0")
        checkout.sync()
        assert set(checkout.runs()) >= {KEY, "key-e02-0"}
    output = capsys.readouterr()
    assert "hunter2" not in output.out + output.err
    files = [path for path in checkout.root.rglob("*") if path.is_file()]
    assert {"mlflow.db", "part.json", "MLmodel"} <= {path.name for path in files}
    assert not [path for path in files if b"hunter2" in path.read_bytes()]


def test_points_logged_live_are_those_of_a_later_sync(checkout: Checkout) -> None:
    train(checkout)
    live = checkout.shown()
    checkout.wipe_store()
    checkout.sync()
    synced = checkout.shown()
    for table in ("runs", "params", "metrics", "latest", "tags", "datasets"):
        assert live[table] == synced[table]


def test_points_are_visible_during_training(checkout: Checkout) -> None:
    with training(checkout) as live:
        live.wait()
        log_epoch(checkout, live, 1)
        live.wait()
        run = checkout.runs()[KEY]
        assert (run.info.status, run.data.metrics["loss/loss_d"]) == ("RUNNING", 2.0)
        assert run.data.params["train.lr"] == "0.001"


def test_a_training_does_not_wait_for_mlflow(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    with mlflow_server(checkout, monkeypatch, delay=0.5):
        with training(checkout) as live:
            live.wait()
            started = time.perf_counter()
            log_epoch(checkout, live, 1)
            log_epoch(checkout, live, 2)
            assert time.perf_counter() - started < 0.4
        assert checkout.runs()[KEY].data.metrics["loss/loss_d"] == 2.0  # the second epoch came while MLflow was busy


def logged_steps(checkout: Checkout) -> list[int]:
    run = checkout.runs()[KEY]
    return [point.step for point in checkout.client().get_metric_history(run.info.run_id, "loss/loss_d")]


def test_rows_that_arrive_while_mlflow_is_busy_are_logged_with_the_next_epoch(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mlflow_server(checkout, monkeypatch, delay=0.2):
        with training(checkout) as live:
            for epoch in (1, 2, 3):  # the first two while MLflow is being opened
                log_epoch(checkout, live, epoch)
            live.wait()
            log_epoch(checkout, live, 4)
            live.wait()
        assert logged_steps(checkout) == list(range(1, 4 * EPOCH + 1))


def test_rows_that_were_not_logged_live_are_filled_in_by_the_record(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Tracking(checkout.root) as tracking:
        with LiveRun(tracking, checkout.root, KEY, checkout.part("e01-0")) as live:
            live.wait()
            monkeypatch.setattr(tracking, "attempt", lambda *_, **__: None)
            log_epoch(checkout, live, 1)  # lost on the way to MLflow
            live.wait()
            monkeypatch.undo()
            log_epoch(checkout, live, 2)
            live.wait()
            assert logged_steps(checkout) == list(range(EPOCH + 1, 2 * EPOCH + 1))
            writers.write_training(checkout.root, KEY, live.part, checkout.model("e01-0"))
        tracking.publish(KEY)
    assert logged_steps(checkout) == list(range(1, 2 * EPOCH + 1))


def test_a_failed_training_keeps_the_rows_that_arrived_while_mlflow_was_busy(checkout: Checkout) -> None:
    with pytest.raises(ZeroDivisionError), training(checkout) as live:
        log_epoch(checkout, live, 1)  # while MLflow is being opened
        raise ZeroDivisionError
    assert logged_steps(checkout) == list(range(1, EPOCH + 1))


def test_the_run_of_a_failed_training_is_marked_as_failed(checkout: Checkout) -> None:
    with pytest.raises(ZeroDivisionError), training(checkout):
        raise ZeroDivisionError
    assert checkout.runs()[KEY].info.status == "FAILED"


def test_training_again_with_equal_results_adds_nothing(checkout: Checkout) -> None:
    train(checkout)
    before = checkout.shown()
    checkout.part = lambda run: Checkout.part(checkout, run, STARTED + 70_000)  # type: ignore[method-assign, assignment, misc]
    train(checkout)
    assert checkout.shown() == before


def test_the_store_is_in_the_checkout_whatever_the_working_directory(
    checkout: Checkout, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere: Path = tmp_path_factory.mktemp("temp-workspace")
    monkeypatch.chdir(elsewhere)
    train(checkout)
    assert checkout.runs()[KEY].info.artifact_uri.startswith((checkout.root / "mlartifacts").as_uri())
    assert not list(elsewhere.iterdir())
