"""A small trained project, its demo page, and a browser that records errors and outside requests."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.workspace import Workspace

CONDITIONAL, UNCONDITIONAL = "cgan28-0", "e09-mlp-0"
DESKTOP, PHONE = (1280, 900), (390, 844)
_STARTUP_S = 120
_PACKAGES = ("gradio", "playwright", "axe_playwright_python")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")

Open = Callable[..., Any]

pytest.register_assert_rewrite("tests.browser.inspection")  # for detailed assertion messages


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """The installed Chromium, driven by Playwright."""
    if missing := [name for name in _PACKAGES if not find_spec(name)]:
        pytest.skip(f"{', '.join(missing)} not installed: `make test-browser` installs what these tests need")
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser: install {' or '.join(_BROWSERS)}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def project(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A completed pipeline on the small MNIST: a conditional GAN with legible digits and a barely trained MLP."""
    workspace = Workspace(tmp_path_factory.mktemp("project"))
    workspace.params(
        grid__experiments=["cgan28", "e09-mlp"],
        grid__seeds=[0],
        budget={"epochs": 40, "images": None},
        train__generator={"width": 8},
        train__discriminator={"width": 8},
        train__ema=0.99,
        experiments__cgan28__lr=0.002,
        experiments__cgan28__batch_size=32,
        datasets__mnist__judge={"epochs": 30},
        sample__count=150,
        **{"experiments__e09-mlp__epochs": 1},
    )
    workspace.commit()
    workspace.repro()
    return workspace.folder


@pytest.fixture(scope="session")
def demo(project: Path) -> Iterator[str]:
    """The address of the project's demo page, started with a proxy in the environment that does not answer."""
    environment = os.environ | dict.fromkeys(("HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")  # nothing answers
    environment |= {"NO_PROXY": "", "no_proxy": ""}
    with serving(("ganpipe", "demo"), project, environment) as address:
        yield address


@contextmanager
def serving(program: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Start a program (a Python module and its arguments) that serves a page, and yield the page's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", *program, "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, env=dict(environment)) as server:
        address = f"http://127.0.0.1:{port}/"
        try:
            _wait_for(address, server)
            yield address
        finally:
            server.terminate()


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + _STARTUP_S
    while time.monotonic() < end and server.poll() is None:
        try:
            urlopen(address).close()
            return
        except URLError:
            time.sleep(0.2)
    raise AssertionError(f"the page did not start within {_STARTUP_S} s (exit code {server.poll()})")


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Open]:
    """Open an address at a window size; at teardown, fail on page errors and requests to other hosts."""
    problems: list[str] = []
    contexts = []

    def open_address(address: str, size: tuple[int, int] = DESKTOP, scheme: str = "light") -> Any:
        def note_request(request: Any) -> None:
            if not request.url.startswith((address, "data:", "blob:")):
                problems.append(f"request to {request.url}")

        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("request", note_request)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda line: line.type == "error" and problems.append(line.text))
        page.goto(address)
        return page

    yield open_address
    for context in contexts:
        context.close()
    assert problems == []
