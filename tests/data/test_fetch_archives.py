"""Archives of images: the same images as the folder, or a reason."""

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from tests.data.fetched import Fetched, write


def make_zip(folder: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder.parent))
    return target


def make_tar(folder: Path, target: Path) -> Path:
    with tarfile.open(target, "w:gz") as archive:
        archive.add(folder, folder.name)
    return target


@pytest.mark.parametrize(("make", "name"), [(make_zip, "mine.zip"), (make_tar, "mine.tar.gz"), (make_tar, "mine.tgz")])
def test_an_archive_of_a_folder_gives_the_same_images(
    make: Callable[[Path, Path], Path], name: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "mine", "cat/1.png", "dog/2.png", "dog/Thumbs.db")
    from_folder = Fetched(folder, tmp_path / "raw", classes="subfolders")
    from_archive = Fetched(make(folder, tmp_path / name), tmp_path / "raw2", classes="subfolders")
    assert from_archive.rows == from_folder.rows
    assert from_archive.classes == ("cat", "dog")
    for file in ("images.tar", "images.csv", "contents.json"):
        assert (from_archive.raw / file).read_bytes() == (from_folder.raw / file).read_bytes()
    assert len(list(from_archive.raw.iterdir())) == 3


def test_the_dataset_of_stylegan(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", "00000/img00000000.png", "00000/img00000001.png")
    (folder / "dataset.json").write_text('{"labels": [["00000/img00000000.png", 6], ["00000/img00000001.png", 0]]}')
    with zipfile.ZipFile(tmp_path / "stylegan.zip", "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    result = Fetched(tmp_path / "stylegan.zip", tmp_path / "raw", classes="dataset.json")
    assert result.classes == ("0", "6")
    assert result.of("class") == {"00000/img00000000.png": "6", "00000/img00000001.png": "0"}


def test_damaged_and_unsafe_archives_are_rejected(tmp_path: Path) -> None:
    archive = make_zip(write(tmp_path / "mine", "a.png", "b.png"), tmp_path / "mine.zip")
    content = bytearray(archive.read_bytes())
    content[60:80] = bytes(20)
    archive.write_bytes(content)
    with pytest.raises(UserError, match=r"path: mine\.zip cannot be unpacked"):
        Fetched(archive, tmp_path / "raw")
    with tarfile.open(tmp_path / "link.tar", "w") as tar:
        member = tarfile.TarInfo("link.png")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(member)
    with pytest.raises(UserError, match="link or device"):
        Fetched(tmp_path / "link.tar", tmp_path / "raw2")
