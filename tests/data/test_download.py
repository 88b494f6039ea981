import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ganpipe.data import download as module
from ganpipe.data.download import download, main

CONTENT = bytes(range(256)) * 1000


class Handler(BaseHTTPRequestHandler):
    """`/whole` returns the content, `/ranges` the requested range; `/short` stops early, `/hang` never responds."""

    def do_GET(self) -> None:
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.server.starts.append(start)  # type: ignore[attr-defined]
        match self.path:
            case "/hang":
                self.server.ended.wait(20)  # type: ignore[attr-defined]
            case "/whole" | "/short":
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.wfile.write(CONTENT if self.path == "/whole" else CONTENT[:1000])
            case "/ranges" if start >= len(CONTENT):
                self.send_error(416)
            case "/ranges":
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(CONTENT) - start))
                self.end_headers()
                self.wfile.write(CONTENT[start:])
            case _:
                self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.starts, made.ended = [], threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.ended.set()  # type: ignore[attr-defined]
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}/"


def test_a_file_is_downloaded(address: str, tmp_path: Path) -> None:
    download(address + "whole", tmp_path / "file", timeout=5)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("received", [1, 1000, len(CONTENT)])
def test_an_interrupted_download_is_resumed(
    received: int, address: str, server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:received])
    download(address + "ranges", tmp_path / "file", timeout=5)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.starts == [received]  # type: ignore[attr-defined]


def test_a_server_without_ranges_restarts_the_download(address: str, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    download(address + "whole", tmp_path / "file", timeout=5)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_broken_connection_keeps_the_received_part(address: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="early"):
        download(address + "short", tmp_path / "file", timeout=5)
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:1000]
    assert not (tmp_path / "file").exists()


def test_a_server_that_does_not_respond_times_out(address: str, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        download(address + "hang", tmp_path / "file", timeout=0.3)


def test_the_next_mirror_is_tried_after_a_failure(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "mirrors", lambda _: [address + "nowhere/", address])
    main("MNIST", 5, ["whole"])
    assert (tmp_path / "whole").read_bytes() == CONTENT
    assert "nowhere/whole: Not Found" in capsys.readouterr().err


def test_a_dataset_without_address_is_reported_by_name() -> None:
    with pytest.raises(SystemExit, match="torchvision states no address for NIST"):
        main("NIST", 5, ["file"])


def test_the_failures_of_all_mirrors_are_reported_in_one_line(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "mirrors", lambda _: [address + "a/", address + "b/"])
    with pytest.raises(SystemExit) as exit_:
        main("MNIST", 5, ["file"])
    assert str(exit_.value).count("Not Found") == 2
    assert "\n" not in str(exit_.value)
