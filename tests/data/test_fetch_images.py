"""A user's own images: from a folder or an archive to `images.tar` and `images.csv`."""

import errno
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.data.raw_images import read_raw_images
from tests.data.fetched import PNG, Fetched, write
from tests.data.image_files import encoded


@pytest.fixture
def fetched(tmp_path: Path) -> Callable[..., Fetched]:
    return lambda source, **settings: Fetched(source, tmp_path / "raw", **settings)


def test_every_file_is_used_or_listed_with_its_reason(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", "a.png", "b.PNG", "no suffix", "sub/c.png", ".DS_Store", "sub/Thumbs.db")
    write(folder, "empty.jpg", content=b"")
    write(folder, "cut.png", content=PNG[:-30])
    write(folder, "notes.txt", content=b"text")
    write(folder, "text.png", content=b"text")
    (folder / "gone.png").symlink_to("nowhere")
    result = fetched(folder)
    assert {row["file"]: row["status"] for row in result.rows} == {
        "a.png": "used",
        "b.PNG": "used",
        "no suffix": "used",
        "sub/c.png": "used",
        ".DS_Store": "hidden or system file",
        "sub/Thumbs.db": "hidden or system file",
        "empty.jpg": "empty",
        "cut.png": "damaged",
        "notes.txt": "not an image",
        "text.png": "damaged",
        "gone.png": "dangling link",
    }
    assert result.lines == [
        f"{folder}: 11 files found, 4 images used, 7 skipped (damaged: 2, dangling link: 1, empty: 1, "
        "hidden or system file: 2, not an image: 1). Full list: images.csv in the raw folder"
    ]


def test_images_can_be_read_in_any_order(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    contents = [encoded(Image.new("RGB", (size, size)), "PNG") for size in (5, 200, 7, 90)]
    for number, content in enumerate(contents):
        write(tmp_path / "mine", f"{number}.png", content=content)
    images = fetched(tmp_path / "mine").images
    assert [images.read(row) for row in (2, 0, 3, 1)] == [contents[row] for row in (2, 0, 3, 1)]
    with tarfile.open(images.file) as tar:
        assert tar.getnames() == ["0.png", "1.png", "2.png", "3.png"]


def test_remarks_on_images_are_counted(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", "a.png")
    write(folder, "b.png", content=encoded(Image.new("RGBA", (9, 9), (0, 0, 0, 0)), "PNG"))
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    write(folder, "c.gif", content=encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    (line,) = fetched(folder).lines
    assert "3 images used, 0 skipped; used images with remarks: several frames: 1, transparent: 1." in line


def test_a_file_that_cannot_be_opened_is_named(
    fetched: Callable[..., Fetched], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "mine", "a.png", "closed.png")
    original = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.name == "closed.png":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)  # root reads everything, so chmod would not do
    assert fetched(folder).statuses == {"used": 1, "unreadable": 1}


def test_names_of_any_bytes_are_used_and_listed(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    names = [b"caf\xe9.png", b"new\nline.png", b"\xff\xfe/\x01.png", "東京.png".encode(), b"back\\slash.png"]
    for name in names:
        write(tmp_path / "mine", os.fsdecode(name))
    result = fetched(tmp_path / "mine")
    assert result.statuses == {"used": len(names)}
    assert set(result.of("bytes")) == {
        "caf\\xe9.png",
        "new\\nline.png",
        "\\xff\\xfe/\\x01.png",
        "東京.png",
        "back\\\\slash.png",
    }


def test_subfolders_and_linked_subfolders_are_classes(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "dog/1.png")
    folder = write(tmp_path / "mine", "cat/1.png", "cat/deep/2.png", "README", content=PNG)
    (folder / "README").write_text("no image")
    (folder / "dog").symlink_to(tmp_path / "elsewhere" / "dog")
    result = fetched(folder, classes="subfolders")
    assert result.classes == ("cat", "dog")
    assert result.of("class") == {"cat/1.png": "cat", "cat/deep/2.png": "cat", "dog/1.png": "dog"}
    assert result.images.labels is not None
    assert result.images.labels.tolist() == [0, 0, 1]


def test_class_names_that_are_integers_are_sorted_by_value(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", *(f"{number}/1.png" for number in (10, 9, 2, 0)))
    assert fetched(folder, classes="subfolders").classes == ("0", "2", "9", "10")


def test_without_classes_there_are_no_labels(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    result = fetched(write(tmp_path / "mine", "cat/1.png", "2.png"))
    assert result.classes == ()
    assert result.images.labels is None


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["cat/1.png", "b.png", "a.png"], r"a\.png and 1 more images are in no subfolder"),
        (["cat/1.png", "a.png.copy"], r"a\.png\.copy and 0 more images are in no subfolder"),
        (["train/cat/1.png", "train/b.png", "test/cat/2.png"], r"train/b\.png and 0 more images are in no subfolder"),
    ],
)
def test_images_outside_the_class_folders_are_rejected(
    names: list[str], problem: str, fetched: Callable[..., Fetched], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=problem):
        fetched(write(tmp_path / "mine", *names), classes="subfolders")


def test_a_class_without_readable_image_is_named(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    folder = write(write(tmp_path / "mine", "cat/1.png"), "dog/1.png", content=b"")
    result = fetched(folder, classes="subfolders")
    assert result.classes == ("cat",)
    assert result.lines[0] == f"{folder}: class dog has no readable image and is left out"


@pytest.mark.parametrize("heldout", ["test", "val", "Validation"])
def test_folders_of_splits_are_not_classes(heldout: str, fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    names = ["train/cat/1.png", "train/dog/1.png", f"{heldout}/cat/2.png"]
    result = fetched(write(tmp_path / "mine", *names), classes="subfolders")
    assert result.classes == ("cat", "dog")
    assert result.of("split") == {name: "train" if name.startswith("train/") else "heldout" for name in names}


def test_folders_of_splits_can_be_ignored(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", "train/1.png", "test/2.png")
    result = fetched(folder, classes="subfolders", splits="random")
    assert result.classes == ("test", "train")
    assert set(result.of("split").values()) == {""}


def test_folders_of_splits_and_others_are_rejected(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="set splits: random"):
        fetched(write(tmp_path / "mine", "train/cat/1.png", "test/cat/2.png", "extra/3.png"), classes="subfolders")


def test_labels_from_a_table(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", "a.png", "b.png", "c.png", "unlisted.png", "notes.txt")
    (folder / "notes.txt").write_text("x")
    (folder / "labels.csv").write_text(
        "file,label,split\na.png,cat,train\nb.png,dog,test\nc.png,,train\ngone.png,cat,test\n"
    )
    result = fetched(folder, classes="labels.csv")
    assert result.classes == ("cat", "dog")
    assert result.of("class") == {"a.png": "cat", "b.png": "dog"}
    assert result.of("split") == {"a.png": "train", "b.png": "heldout"}
    assert {row["file"]: row["status"] for row in result.rows if row["status"] != "used"} == {
        "c.png": "without label in labels.csv",
        "labels.csv": "table of labels",
        "notes.txt": "not an image",
        "unlisted.png": "not listed in labels.csv",
        "gone.png": "listed in labels.csv, but missing",
    }


@pytest.mark.parametrize("names", [[], ["notes.txt"], ["a.png", "b.jpg"]])
def test_a_source_without_readable_image_is_rejected(
    names: list[str], fetched: Callable[..., Fetched], tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    with pytest.raises(UserError, match=f"contains no readable image: {len(names)} files found, 0 images used"):
        fetched(write(folder, *names, content=b"text"))


def test_two_fetches_write_the_same_bytes(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", "b.png", "a.png")
    write(folder, "damaged.gif", content=encoded(Image.new("P", (30, 30)), "GIF")[:20])
    first, second = Fetched(folder, tmp_path / "one").raw, Fetched(folder, tmp_path / "two").raw
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()


def test_a_damaged_list_is_reported(fetched: Callable[..., Fetched], tmp_path: Path) -> None:
    result = fetched(write(tmp_path / "mine", "cat/a.png"), classes="subfolders")
    path = result.raw / "images.csv"
    whole = path.read_text()
    for text in (None, "", whole.replace(",cat,", ",cow,"), whole.replace("file,status", "x,y")):
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)
        with pytest.raises(UserError, match=r"images\.csv: missing or damaged"):
            read_raw_images(result.raw, result.classes)
    path.write_text(whole)
    with (result.raw / "images.tar").open("r+b") as handle:
        handle.truncate(520)
    with pytest.raises(UserError, match=r"images\.tar: truncated"):
        result.images.read(0)
