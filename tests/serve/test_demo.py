import socket
import sys
from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.serve.demo import serve_demo


def test_without_gradio_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(UserError, match="run `make demo`"):
        serve_demo(7860)


def test_a_taken_port_is_told_before_the_page_is_built(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", sys)  # whatever is installed: the page is never reached
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} is taken.*make demo PORT={port + 1}"):
            serve_demo(port)


def test_without_a_trained_run_there_is_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", sys)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="run `dvc repro` first"):
        serve_demo(7860)
