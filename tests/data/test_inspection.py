"""What `ganpipe inspect` finds in folders whose content is known."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from ganpipe.__main__ import main
from ganpipe.cli.inspect import report
from ganpipe.common.errors import UserError
from ganpipe.data.inspection import inspect_images
from tests.conftest import REPOSITORY


def picture(path: Path, size: tuple[int, int], level: int, mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level if mode == "L" else (level, 0, 0)).save(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    mine = tmp_path / "My images"
    for index in range(3):
        picture(mine / "cat" / f"{index}.png", (40, 60), 50 + index)
    picture(mine / "dog" / "a.png", (100, 40), 9, "L")
    picture(mine / "dog" / "copy.png", (40, 60), 50)
    (mine / "dog" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    (mine / "notes.txt").write_text("text")
    return mine


def test_everything_in_a_folder_is_counted(folder: Path) -> None:
    found = inspect_images(folder)
    assert (found.files, found.images, found.grey) == (7, 5, 1)
    assert found.sizes == {(40, 60): 4, (100, 40): 1}
    assert found.stored_as == {"PNG RGB": 4, "PNG L": 1}
    assert found.classes == {"cat": 3, "dog": 2}
    assert found.duplicates == {"dog/copy.png": "cat/0.png"}
    assert list(found.broken) == ["dog/broken.jpg"]
    assert found.skipped == {"not an image": 1}
    assert found.suggested_size == 32
    assert found.thumbnails.shape == (5, 3, 96, 96)


def test_an_archive_contains_the_same(folder: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "images"), "zip", folder)
    found, expected = inspect_images(Path(archive)), inspect_images(folder)
    assert (found.sizes, found.classes, found.broken) == (expected.sizes, expected.classes, expected.broken)
    assert np.array_equal(found.thumbnails, expected.thumbnails)


def test_folders_of_splits_are_no_classes(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for label in ("a", "b"):
            picture(tmp_path / "mine" / split / label / "1.png", (8, 8), 1)
    found = inspect_images(tmp_path / "mine")
    assert found.has_splits
    assert found.classes == {"a": 2, "b": 2}


@pytest.mark.parametrize(("path", "problem"), [("nothing", "no such folder"), ("empty", "contains no readable image")])
def test_what_cannot_be_inspected_is_named(tmp_path: Path, path: str, problem: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=problem):
        inspect_images(tmp_path / path)


@pytest.mark.parametrize("name", ["images.npy", "images.npz"])
def test_an_array_is_reported_with_its_source(tmp_path: Path, name: str) -> None:
    (np.save if name.endswith("npy") else np.savez)(tmp_path / name, np.zeros((4, 8, 8)))
    with pytest.raises(UserError, match=r"an array, not image files.*source: array"):
        inspect_images(tmp_path / name)


def test_a_table_of_labels_is_found(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", (9, 9), 1)
    (tmp_path / "metadata.csv").write_text("file,label\na.png,cat\n")
    found = inspect_images(tmp_path)
    assert found.skipped == {"table of labels": 1}
    assert "  labels: the table metadata.csv" in list(report(tmp_path, found))


def test_below_the_checkout_the_printed_path_is_absolute(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert main(["inspect", f"../{folder.relative_to(tmp_path)}"]) == 0
    assert f"path: '{folder}', size" in capsys.readouterr().out


def test_the_entry_is_written_and_is_valid(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copyfile(REPOSITORY / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    before = yaml.safe_load(Path("params.yaml").read_text())
    assert main(["inspect", str(folder), "--write", "mine"]) == 0
    printed = capsys.readouterr().out
    for expected in (
        "7 files, 5 readable images",
        "shorter side: 40 to 40 pixels, median 40",
        "warning: 5 images are few",
        "warning: classes with fewer than 20 images: cat (3), dog (2)",
        "warning: 1 duplicate: dog/copy.png equals cat/0.png",
        "warning: 1 unreadable image: dog/broken.jpg",
        "far from square",
    ):
        assert expected in printed
    after = yaml.safe_load(Path("params.yaml").read_text())
    assert after["datasets"].pop("mine") == {
        "source": "folder", "path": str(folder), "size": 32, "classes": "subfolders",
        "judge": {"epochs": 200},
    }  # fmt: skip
    assert after["experiments"].pop("mine-dcgan")["dataset"] == "mine"
    assert after == before
    assert Path("out/inspect/mine.png").stat().st_size > 0
    assert main(["inspect", str(folder), "--write", "mine"]) == 1
    assert "datasets.mine exists already" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["My images", "on", "2024", 55 * "x"])
def test_an_invalid_name_changes_nothing(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copyfile(REPOSITORY / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", str(folder), "--write", name]) == 1
    assert "not a name" in capsys.readouterr().err
    assert Path("params.yaml").read_bytes() == (REPOSITORY / "params.yaml").read_bytes()
