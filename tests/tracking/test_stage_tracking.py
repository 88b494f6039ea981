import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import BaseWSGIServer, make_server

from ganpipe.records import writers
from ganpipe.records.store import load
from ganpipe.tracking.stage_tracking import LiveRun, Tracking
from ganpipe.tracking.store import STAGE
from ganpipe.tracking.timeouts import TimeLimitedClient, TrackingError, call_with_timeout
from tests.tracking.conftest import STARTED, Checkout

KEY = "key-e01-0"
IMPORT = 5.0  # seconds at most that MLflow takes to be imported, which a real training has other work for


def train(checkout: Checkout) -> None:
    """A training of two epochs, as the stage does it."""
    with Tracking(checkout.root) as tracking:
        with LiveRun(tracking, checkout.root, KEY, checkout.part("e01-0")) as live:
            for steps in (6, 12):
                live.wait()
                live.epoch(checkout.rows(steps), checkout.epochs(steps))
            writers.training(checkout.root, KEY, live.part, checkout.model("e01-0"), {"seconds": 2.5})
        tracking.publish(KEY)


@contextmanager
def training(checkout: Checkout) -> Iterator[LiveRun]:
    """The run of a training that shows itself, without its end."""
    with (
        Tracking(checkout.root) as tracking,
        LiveRun(tracking, checkout.root, KEY, checkout.part("e01-0")) as live,
    ):
        yield live


class Broken(BaseHTTPRequestHandler):
    """Answers every request with an error."""

    def do_GET(self) -> None:
        self.send_error(500)

    do_POST = do_GET  # noqa: N815 - the base class names it so

    def log_message(self, *arguments: Any) -> None:
        pass


class Hanging(Broken):
    """Takes every request and never answers."""

    def do_GET(self) -> None:
        time.sleep(30)

    do_POST = do_GET  # noqa: N815 - the base class names it so


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads, server.block_on_close = True, False
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://user:secret@127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def mlflow_server(checkout: Checkout, monkeypatch: pytest.MonkeyPatch, delay: float = 0.0) -> Iterator[BaseWSGIServer]:
    """MLflow's own server, in a thread of this process, on the store of the checkout; `delay`: seconds per answer."""
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", f"sqlite:///{checkout.root}/mlflow.db")
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", f"{checkout.root}/mlartifacts")
    from mlflow.server import app, handlers

    for store in ("_tracking_store", "_model_registry_store"):  # kept from the checkout of another test
        monkeypatch.setattr(handlers, store, None)

    def late(environ: Any, start_response: Any) -> Any:
        time.sleep(delay)
        return app(environ, start_response)

    server = make_server("127.0.0.1", 0, late, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:hunter2@127.0.0.1:{server.port}")
    yield server
    server.shutdown()


def assert_survives(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> str:
    """Train; nothing may be lost but a few seconds and one line. Returns that line."""
    started = time.perf_counter()
    train(checkout)
    assert time.perf_counter() - started < 10 + IMPORT
    assert "history.csv" in load(checkout.root, KEY).parts["train"].files
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "python -m ganpipe sync" in lines[0]
    return lines[0]


@pytest.mark.parametrize("handler", [Broken, Hanging])
def test_broken_server(
    handler: type[Broken], checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(handler) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        warning = assert_survives(checkout, capsys)
    assert "127.0.0.1" in warning
    assert "secret" not in warning
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert checkout.sync().shown == [KEY]


def test_refusing_server(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Broken) as uri:
        pass
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert_survives(checkout, capsys)


def test_slow_server(checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("ganpipe.tracking.stage_tracking.STAGE", replace(STAGE, total=2))
    with mlflow_server(checkout, monkeypatch, delay=0.7):  # for all that is asked it would take 15 seconds and more
        assert_survives(checkout, capsys)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert checkout.sync().shown == [KEY]


def test_locked_database(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    checkout.sync()
    with closing(sqlite3.connect(checkout.root / "mlflow.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert_survives(checkout, capsys)
    assert checkout.sync().shown == [KEY]


def test_database_removed_while_training(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    with training(checkout) as live:
        live.wait()
        live.epoch(checkout.rows(6), checkout.epochs(6))
        live.wait()
        (checkout.root / "mlflow.db").unlink()
        live.epoch(checkout.rows(12), checkout.epochs(12))
        live.epoch(checkout.rows(15), checkout.epochs(15))
    (warning,) = capsys.readouterr().err.splitlines()
    assert "was removed" in warning


def test_server_that_dies_half_way(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout.sync()
    with mlflow_server(checkout, monkeypatch) as server, Tracking(checkout.root) as tracking:
        with LiveRun(tracking, checkout.root, KEY, checkout.part("e01-0")) as live:
            live.wait()
            live.epoch(checkout.rows(6), checkout.epochs(6))
            live.wait()
            assert checkout.runs()[KEY].data.metrics["train/loss_d"] == 2.0
            server.shutdown()
            server.server_close()
            live.epoch(checkout.rows(12), checkout.epochs(12))
            writers.training(checkout.root, KEY, live.part, checkout.model("e01-0"))
        tracking.publish(KEY)
    assert len(capsys.readouterr().err.splitlines()) == 1
    with mlflow_server(checkout, monkeypatch):
        assert checkout.sync().shown == [KEY]
    assert checkout.runs()[KEY].data.metrics["train/loss_d"] == 4.0


def test_the_process_that_writes_to_mlflow_is_killed(checkout: Checkout, capsys: pytest.CaptureFixture[str]) -> None:
    with Tracking(checkout.root) as tracking:
        with LiveRun(tracking, checkout.root, KEY, checkout.part("e01-0")) as live:
            live.wait()
            tracking._service._process.kill()
            live.epoch(checkout.rows(6), checkout.epochs(6))
            writers.training(checkout.root, KEY, live.part, checkout.model("e01-0"))
        tracking.publish(KEY)
    (warning,) = capsys.readouterr().err.splitlines()
    assert "the process that writes to it ended with -9" in warning
    assert checkout.sync().shown == [KEY]


def test_a_password_in_the_address_is_kept_nowhere(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with mlflow_server(checkout, monkeypatch):
        train(checkout)
        checkout.whole("e02-0")
        checkout.sync()
        assert set(checkout.runs()) >= {KEY, "key-e02-0"}
    told = capsys.readouterr()
    assert "hunter2" not in told.out + told.err
    files = [path for path in checkout.root.rglob("*") if path.is_file()]
    assert {"mlflow.db", "part.json", "MLmodel"} <= {path.name for path in files}
    assert not [path for path in files if b"hunter2" in path.read_bytes()]


def test_points_logged_live_are_those_of_a_later_push(checkout: Checkout) -> None:
    train(checkout)
    live = checkout.shown()
    checkout.wipe_store()
    checkout.sync()
    pushed = checkout.shown()
    for table in ("runs", "params", "metrics", "latest", "tags", "datasets"):
        assert [row for row in live[table] if "grid0" not in row] == [
            row for row in pushed[table] if "grid0" not in row
        ]


def test_points_are_there_while_training(checkout: Checkout) -> None:
    with training(checkout) as live:
        live.wait()
        live.epoch(checkout.rows(6), checkout.epochs(6))
        live.wait()
        run = checkout.runs()[KEY]
        assert (run.info.status, run.data.metrics["train/loss_d"]) == ("RUNNING", 2.0)
        assert run.data.params["train.lr"] == "0.001"


def test_a_training_does_not_wait_while_an_epoch_is_logged(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    with mlflow_server(checkout, monkeypatch, delay=0.5):
        with training(checkout) as live:
            live.wait()
            started = time.perf_counter()
            live.epoch(checkout.rows(6), checkout.epochs(6))
            live.epoch(checkout.rows(12), checkout.epochs(12))
            assert time.perf_counter() - started < 0.4
        assert checkout.runs()[KEY].data.metrics["train/loss_d"] == 2.0  # the second came while the first was logged


def test_a_training_that_fails_is_marked(checkout: Checkout) -> None:
    with pytest.raises(ZeroDivisionError), training(checkout):
        raise ZeroDivisionError
    assert checkout.runs()[KEY].info.status == "FAILED"


def test_training_again_with_equal_results_adds_nothing(checkout: Checkout) -> None:
    train(checkout)
    before = checkout.shown()
    checkout.part = lambda run: Checkout.part(checkout, run, STARTED + 70_000)  # type: ignore[method-assign, assignment, misc]
    train(checkout)
    assert checkout.shown() == before


def test_within_leaves_a_slow_call_behind() -> None:
    started = time.perf_counter()
    with pytest.raises(TrackingError, match="no answer within"):
        call_with_timeout(0.05, time.sleep, 5)
    assert time.perf_counter() - started < 1
    assert call_with_timeout(5, max, 1, 2) == 2


def test_many_slow_answers_are_bounded_together() -> None:
    slow = TimeLimitedClient(time, seconds=5, total=0.3)
    started = time.perf_counter()
    slow.sleep(0.2)
    for _ in range(2):
        with pytest.raises(TrackingError, match="no answer within"):
            slow.sleep(0.2)
    assert time.perf_counter() - started < 1
    TimeLimitedClient(time, seconds=5).sleep(0.2)


@pytest.mark.parametrize(("seconds", "told"), [(120, "120 seconds"), (9, "9 seconds"), (0.92193, "0.9 seconds")])
def test_within_tells_its_time_plainly(seconds: float, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Future, "result", lambda _future, timeout: Future.exception(_future, 0))  # at once
    with pytest.raises(TrackingError, match=f"no answer within {told}"):
        call_with_timeout(seconds, time.sleep, 5)


def test_within_names_the_failure() -> None:
    with pytest.raises(TrackingError, match="invalid literal"):
        call_with_timeout(5, int, "x")


def test_store_lies_in_the_checkout_whatever_the_folder(
    checkout: Checkout, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere: Path = tmp_path_factory.mktemp("temp-workspace")
    monkeypatch.chdir(elsewhere)
    train(checkout)
    assert checkout.runs()[KEY].info.artifact_uri.startswith((checkout.root / "mlartifacts").as_uri())
    assert not list(elsewhere.iterdir())
