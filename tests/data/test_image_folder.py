import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.data import image_folder
from ganpipe.data.image_folder import PICTURES, contents, copy_images, decode, list_images


def picture(path: Path, width: int = 12, height: int = 12, colour: tuple[int, int, int] = (10, 20, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), colour).save(path)
    return path


def test_lists_pictures_sorted_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.png", "a/c.JPG", ".hidden.png", ".folder/d.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    assert list_images(tmp_path) == ["a/c.JPG", "b.png"]


def test_no_folder_and_no_pictures_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder"):
        copy_images(tmp_path / "nowhere", tmp_path / "raw")
    with pytest.raises(UserError, match="no pictures"):
        copy_images(tmp_path, tmp_path / "raw")


def test_crops_the_centre_and_resizes(tmp_path: Path) -> None:
    pixels = np.zeros((20, 40, 3), dtype=np.uint8)
    pixels[:, 10:30] = 200  # the central square
    (tmp_path / PICTURES).mkdir()
    Image.fromarray(pixels).save(tmp_path / PICTURES / "wide.png")
    images, names, broken = decode(tmp_path, 8, tmp_path / "scratch.npy", 0, print)
    assert images.shape == (1, 3, 8, 8)
    assert images.dtype == np.uint8
    assert (np.asarray(images) == 200).all()
    assert (names, broken) == (["wide.png"], [])


def test_grey_pale_and_turned_pictures_are_upright_rgb(tmp_path: Path) -> None:
    folder = tmp_path / PICTURES
    folder.mkdir()
    Image.new("L", (9, 9), 77).save(folder / "grey.png")
    Image.new("P", (9, 9)).save(folder / "palette.gif")
    rotations = Image.fromarray(np.repeat(np.array([[0, 255]], dtype=np.uint8), 2, axis=0))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    rotations.resize((16, 16), Image.Resampling.NEAREST).save(folder / "turned.png", exif=exif)
    images, names, _ = decode(tmp_path, 16, tmp_path / "scratch.npy", 0, print)
    assert names == ["grey.png", "palette.gif", "turned.png"]
    assert (images[0] == 77).all()
    assert images[2, 0, 0].tolist() == [0] * 16
    assert images[2, 0, -1].tolist() == [255] * 16


def test_broken_pictures_are_named_and_skipped_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / PICTURES
    whole = picture(folder / "a.png", 64, 64).read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "cut.png")
    (folder / "cut.png").write_bytes((folder / "cut.png").read_bytes()[:3000])
    (folder / "empty.jpg").touch()
    (folder / "text.png").write_text("no picture")
    picture(folder / "vast.png", 101, 100)
    (folder / "z.png").write_bytes(whole)
    monkeypatch.setattr(image_folder, "_MAX_PIXELS", 10_000)
    lines: list[str] = []
    images, names, broken = decode(tmp_path, 8, tmp_path / "scratch.npy", 4, lines.append)
    assert names == ["a.png", "z.png"]
    assert len(images) == 2
    assert (images[1] == images[0]).all()
    assert broken == ["cut.png", "empty.jpg", "text.png", "vast.png"]
    assert [line.split(":")[0] for line in lines] == [f"skipped {name}" for name in broken]
    assert "101x100" in lines[3]
    assert not any(os.fspath(tmp_path) in line for line in lines)
    with pytest.raises(UserError, match=r"More than 3 pictures.*vast\.png.*raise max_broken"):
        decode(tmp_path, 8, tmp_path / "scratch.npy", 3, lines.append)


def test_nothing_but_broken_pictures(tmp_path: Path) -> None:
    (tmp_path / PICTURES).mkdir()
    (tmp_path / PICTURES / "a.png").touch()
    with pytest.raises(UserError, match="None of the pictures"):
        decode(tmp_path, 8, tmp_path / "scratch.npy", 5, print)


@pytest.mark.parametrize("disguised", ["EPS", "PCX"])  # reading the first starts another program
def test_only_the_listed_formats_are_opened(disguised: str, tmp_path: Path) -> None:
    (tmp_path / PICTURES).mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / PICTURES / "a.png", format=disguised)
    with pytest.raises(UserError, match="cannot be read"):
        decode(tmp_path, 8, tmp_path / "scratch.npy", 0, print)


def test_subfolders_are_classes(tmp_path: Path) -> None:
    for name in ("dog/1.png", "cat/deep/2.png"):
        picture(tmp_path / PICTURES / name)
    assert contents(tmp_path, with_classes=True).classes == ("cat", "dog")
    assert contents(tmp_path, with_classes=False).classes == ()
    picture(tmp_path / PICTURES / "loose.png")
    with pytest.raises(UserError, match=r"loose\.png and 0 more"):
        contents(tmp_path, with_classes=True)
