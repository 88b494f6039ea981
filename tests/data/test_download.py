import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ganpipe.data import download as module
from ganpipe.data.download import download, main

CONTENT = bytes(range(256)) * 1000


class Handler(BaseHTTPRequestHandler):
    """`/whole` gives the content, `/ranges` from where it is asked; `/short` stops early, `/hang` says nothing."""

    def do_GET(self) -> None:
        asked = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.server.asked.append(asked)  # type: ignore[attr-defined]
        match self.path:
            case "/hang":
                self.server.ended.wait(20)  # type: ignore[attr-defined]
            case "/whole" | "/short":
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.wfile.write(CONTENT if self.path == "/whole" else CONTENT[:1000])
            case "/ranges" if asked >= len(CONTENT):
                self.send_error(416)
            case "/ranges":
                self.send_response(206 if asked else 200)
                self.send_header("Content-Length", str(len(CONTENT) - asked))
                self.end_headers()
                self.wfile.write(CONTENT[asked:])
            case _:
                self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.asked, made.ended = [], threading.Event()  # type: ignore[attr-defined]
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


def test_a_whole_file(address: str, tmp_path: Path) -> None:
    download(address + "whole", tmp_path / "file", timeout=5)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("have", [1, 1000, len(CONTENT)])
def test_goes_on_where_an_earlier_download_stopped(
    have: int, address: str, server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:have])
    download(address + "ranges", tmp_path / "file", timeout=5)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [have]  # type: ignore[attr-defined]


def test_begins_anew_where_the_server_knows_no_ranges(address: str, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    download(address + "whole", tmp_path / "file", timeout=5)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_broken_connection_keeps_what_came(address: str, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="early"):
        download(address + "short", tmp_path / "file", timeout=5)
    assert (tmp_path / "file.part").read_bytes() == CONTENT[:1000]
    assert not (tmp_path / "file").exists()


def test_a_silent_server_is_left(address: str, tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        download(address + "hang", tmp_path / "file", timeout=0.3)


def test_the_next_mirror_is_tried(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "mirrors", lambda _: [address + "nowhere/", address])
    main("MNIST", 5, ["whole"])
    assert (tmp_path / "whole").read_bytes() == CONTENT
    assert "nowhere/whole: Not Found" in capsys.readouterr().err


def test_a_data_set_without_an_address_is_named() -> None:
    with pytest.raises(SystemExit, match="torchvision tells no address of NIST"):
        main("NIST", 5, ["file"])


def test_all_mirrors_failing_is_one_line_and_an_exit(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "mirrors", lambda _: [address + "a/", address + "b/"])
    with pytest.raises(SystemExit) as exit_:
        main("MNIST", 5, ["file"])
    assert str(exit_.value).count("Not Found") == 2
    assert "\n" not in str(exit_.value)
