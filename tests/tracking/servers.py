"""Tracking servers: MLflow's own, and some that fail."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from werkzeug.serving import BaseWSGIServer, make_server

from tests.tracking.conftest import Checkout


class Broken(BaseHTTPRequestHandler):
    """Answers every request with an error."""

    def do_GET(self) -> None:
        self.send_error(500)

    do_POST = do_GET  # noqa: N815 - the base class names it so

    def log_message(self, *arguments: Any) -> None:
        pass


class Hanging(Broken):
    """Accepts every request and never answers."""

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
def mlflow_server(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, delay: float = 0.0, missing: str = "nothing"
) -> Iterator[BaseWSGIServer]:
    """MLflow's own server, in a thread of this process, on the checkout's store.

    delay: seconds per answer. missing: part of the paths for which the server answers 404.
    """
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", f"sqlite:///{checkout.root}/mlflow.db")
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", f"{checkout.root}/mlartifacts")
    from mlflow.server import app, handlers
    from mlflow.tracking._model_registry import utils as registry
    from mlflow.tracking._tracking_service import utils as tracking

    for store in ("_tracking_store", "_model_registry_store"):  # cached from the checkout of another test
        monkeypatch.setattr(handlers, store, None)
    # A server makes its database the default of its process, which here is also that of the clients.
    monkeypatch.setattr(tracking, "set_tracking_uri", lambda uri: None)
    monkeypatch.setattr(registry, "set_registry_uri", lambda uri: None)

    def answer(environ: Any, start_response: Any) -> Any:
        time.sleep(delay)
        if missing in environ["PATH_INFO"]:
            start_response("404 Not Found", [("Content-Type", "text/html")])
            return [b"<!doctype html><title>404 Not Found</title>"]
        return app(environ, start_response)

    server = make_server("127.0.0.1", 0, answer, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:hunter2@127.0.0.1:{server.port}")
    yield server
    server.shutdown()
