import os
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganpipe.__main__ import main
from ganpipe.common.errors import UserError
from ganpipe.common.port import LOCALHOST
from ganpipe.serve.demo import serve_demo


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stand-ins for Gradio and the page; returns the arguments of `launch`."""
    arguments: dict[str, Any] = {}
    blocks = SimpleNamespace(launch=lambda **given: arguments.update(given, no_proxy=os.environ["no_proxy"]))
    monkeypatch.setitem(sys.modules, "gradio", sys)
    page = SimpleNamespace(page=lambda: blocks, LAUNCH_OPTIONS={})
    monkeypatch.setitem(sys.modules, "ganpipe.serve.page", page)  # type: ignore[arg-type]
    for name in ("GRADIO_ANALYTICS_ENABLED", "HF_HUB_OFFLINE", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")  # restored after the test
    return arguments


def test_missing_gradio_is_reported_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(UserError, match="Run `make demo`"):
        serve_demo(LOCALHOST, 7860)


def test_port_in_use_is_reported_before_the_page_is_built(workspace: Path, launched: dict[str, Any]) -> None:
    with socket.socket() as used:
        used.bind((LOCALHOST, 0))
        used.listen()
        port = used.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port}: cannot be used.*make demo PORT={port + 1}"):
            serve_demo(LOCALHOST, port)
    assert not launched


def test_missing_runs_are_reported_with_the_command(
    tmp_path: Path, launched: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="Run `dvc repro` first"):
        serve_demo(LOCALHOST, 7860)


def test_demo_listens_on_localhost_and_prints_the_ssh_command(
    workspace: Path, launched: dict[str, Any], free_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--port", str(free_port)]) == 0
    assert (launched["server_name"], launched["server_port"], launched["share"]) == (LOCALHOST, free_port, False)
    shown = capsys.readouterr()
    assert f"http://127.0.0.1:{free_port}" in shown.out and f"ssh -L {free_port}:127.0.0.1:{free_port} " in shown.out
    assert "warning" not in shown.err


def test_demo_on_all_interfaces_warns(
    workspace: Path, launched: dict[str, Any], free_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--host", "0.0.0.0", "--port", str(free_port)]) == 0
    assert launched["server_name"] == "0.0.0.0"
    assert "without a password" in capsys.readouterr().err


def test_proxies_are_bypassed_before_the_launch(workspace: Path, launched: dict[str, Any], free_port: int) -> None:
    serve_demo(LOCALHOST, free_port)
    assert {"127.0.0.1", "localhost"} <= set(launched["no_proxy"].split(","))
