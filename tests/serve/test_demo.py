import socket
import sys
from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.serve.demo import serve_demo


def test_missing_gradio_is_reported_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(UserError, match="Run `make demo`"):
        serve_demo(7860)


def test_port_in_use_is_reported_before_the_page_is_built(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", sys)  # a stand-in: the page is never built
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = used.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port}: cannot be used.*make demo PORT={port + 1}"):
            serve_demo(port)


def test_missing_runs_are_reported_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", sys)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="Run `dvc repro` first"):
        serve_demo(7860)
