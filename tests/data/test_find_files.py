import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganpipe.data.find_files import FoundFile, find_files, printable


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def used(folder: Path) -> list[str]:
    return [file.name for file in find_files(folder) if file.skipped is None]


def skipped(folder: Path) -> dict[str, str | None]:
    return {file.name: file.skipped for file in find_files(folder) if file.skipped is not None}


def test_files_are_sorted_by_the_bytes_of_their_names(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a/c.JPG", "a.png", "ä.png", "Z")
    assert used(tmp_path) == ["Z", "a.png", "a/c.JPG", "b.png", "ä.png"]


def test_hidden_and_system_files_are_skipped_and_listed(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", ".hidden.png", ".folder/d.png", "x/Thumbs.db", "x/.DS_Store", "__MACOSX/x/._a.png")
    assert used(tmp_path) == ["a.png"]
    assert skipped(tmp_path) == dict.fromkeys(
        [".folder/", ".hidden.png", "__MACOSX/", "x/.DS_Store", "x/Thumbs.db"], "hidden or system file"
    )


def test_links_to_files_and_folders_are_followed(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    touch(elsewhere, "dog/1.png", "2.png")
    touch(folder, "cat/1.png")
    (folder / "dog").symlink_to(elsewhere / "dog")
    (folder / "chain").symlink_to(folder / "dog")
    (folder / "link.png").symlink_to(elsewhere / "2.png")
    assert used(folder) == ["cat/1.png", "chain/1.png", "dog/1.png", "link.png"]
    assert used(folder / "dog") == ["1.png"]


def test_linked_cycles_end(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to("self")
    (tmp_path / "a" / "b").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "a").symlink_to(tmp_path / "a")
    assert used(tmp_path) == ["a/1.png", "a/b/2.png", "b/2.png", "b/a/1.png"]
    cycles = [name for name, reason in skipped(tmp_path).items() if reason == "link to a parent folder"]
    assert cycles == ["a/b/a/", "a/up/", "b/a/b/", "b/a/up/"]
    assert skipped(tmp_path)["a/self"] == "unreadable"


def test_dangling_links_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    (tmp_path / "x.png").symlink_to("nowhere/x.png")
    assert used(tmp_path) == ["a.png"]
    assert skipped(tmp_path) == {"x.png": "dangling link"}


def test_pipes_and_sockets_are_never_opened(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "socket.png"))
    (tmp_path / "null.png").symlink_to("/dev/null")
    assert used(tmp_path) == ["a.png"]
    assert skipped(tmp_path) == dict.fromkeys(["null.png", "pipe.png", "socket.png"], "not a regular file")


def refuse(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def refusing(path: Any, *arguments: Any, **options: Any) -> Any:
        if os.fspath(path).rstrip("/").endswith(name):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return function(path, *arguments, **options)

    return refusing


def test_unreadable_folders_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.png", "closed/b.png")
    monkeypatch.setattr(os, "scandir", refuse(os.scandir, "closed"))  # root reads everything, so chmod would not do
    assert used(tmp_path) == ["a.png"]
    assert FoundFile("closed/", (), "unreadable", "Permission denied") in find_files(tmp_path)


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find_files(tmp_path / "nowhere")
    touch(tmp_path, "file")
    with pytest.raises(NotADirectoryError):
        find_files(tmp_path / "file")


def test_names_that_are_not_utf8_are_found_and_can_be_opened(tmp_path: Path) -> None:
    with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9.png"), "wb") as handle:  # noqa: PTH118, PTH123 - bytes
        handle.write(b"1")
    (name,) = used(tmp_path)
    assert (tmp_path / name).read_bytes() == b"1"
    assert printable(name) == "caf\\xe9.png"


def test_very_deep_folders_are_walked(tmp_path: Path) -> None:
    deep = "/".join(["d" * 10] * 300)
    (tmp_path / deep).mkdir(parents=True)
    (tmp_path / deep / "a.png").touch()
    assert used(tmp_path) == [f"{deep}/a.png"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plain name, ünïcödé 東京.png", "plain name, ünïcödé 東京.png"),
        ("two\nlines\t.png", "two\\nlines\\t.png"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\\xe9", "a\\\\xe9"),
        ("a\udce9", "a\\xe9"),
        ("right\u202eleft", "right\\u202eleft"),
    ],
)
def test_names_are_printed_without_control_characters(name: str, expected: str) -> None:
    assert printable(name) == expected


file_names = st.binary(min_size=1, max_size=20).map(os.fsdecode)


@given(file_names, file_names)
def test_different_names_are_printed_differently(first: str, second: str) -> None:
    printable(first).encode()
    assert printable(first).isprintable()
    assert (printable(first) == printable(second)) == (first == second)


def test_a_changed_file_has_another_version(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    before = find_files(tmp_path)
    assert find_files(tmp_path) == before
    times = (tmp_path / "a.png").stat()
    (tmp_path / "a.png").write_bytes(b"y")
    os.utime(tmp_path / "a.png", ns=(times.st_atime_ns, times.st_mtime_ns))  # as `cp -p` and archives do
    assert find_files(tmp_path) != before
