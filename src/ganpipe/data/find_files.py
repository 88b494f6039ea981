"""Find all files of a folder, whatever their names, links and permissions: each is listed or skipped with a reason."""

import os
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Literal, NamedTuple

Skipped = Literal[
    "hidden or system file", "dangling link", "link to a parent folder", "unreadable", "not a regular file"
]

_SYSTEM_NAMES = frozenset(
    {
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
        "__macosx",
        "@eadir",
        "$recycle.bin",
        "system volume information",
        "lost+found",
    }
)
"""Files and folders that operating systems and file servers create, in lower case."""


class FoundFile(NamedTuple):
    """A file of a folder.

    name: path relative to the folder, with slashes; a skipped folder ends in a slash. Bytes that are not UTF-8 are
    surrogate escapes, as everywhere in Python's os module.
    version: changes when the file changes: (size, mtime_ns, ctime_ns, inode); empty for a skipped file.
    skipped: why the file is not used; None for a regular file. detail: the system's error message, if there is one.
    """

    name: str
    version: tuple[int, ...]
    skipped: Skipped | None = None
    detail: str = ""


def find_files(folder: Path) -> list[FoundFile]:
    """List the files of a folder and its subfolders, sorted by the bytes of their names.

    Links to files and folders are followed. Hidden files (leading dot) and system files are skipped.
    Raises OSError if the folder itself cannot be read.
    """
    os.scandir(folder).close()
    return sorted(_walk(folder), key=lambda file: os.fsencode(file.name))


def find_file(path: Path) -> FoundFile:
    """Return a single file, which exists."""
    return FoundFile(path.name, _version(path.stat()))


def printable(name: str) -> str:
    """Return a name that can be printed and written as UTF-8; different names stay different.

    Backslashes, control characters and bytes that are not UTF-8 are escaped as in Python string literals.
    """
    if name.isprintable() and "\\" not in name:
        return name
    text = os.fsencode(name.replace("\\", "\\\\")).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _walk(folder: Path) -> Iterator[FoundFile]:
    status = folder.stat()
    waiting = [("", frozenset({(status.st_dev, status.st_ino)}))]  # names of folders, and the folders that contain them
    while waiting:
        name, parents = waiting.pop()
        try:
            with os.scandir(folder / name) as entries:
                found = list(entries)
        except OSError as error:
            yield FoundFile(name, (), "unreadable", error.strerror or "")
            continue
        for entry in found:
            path = name + entry.name
            if entry.name.startswith(".") or entry.name.lower() in _SYSTEM_NAMES:
                yield FoundFile(path + "/" * entry.is_dir(follow_symlinks=False), (), "hidden or system file")
                continue
            try:
                status = entry.stat()
            except OSError as error:
                dangling = entry.is_symlink() and isinstance(error, FileNotFoundError)
                yield FoundFile(path, (), "dangling link" if dangling else "unreadable", error.strerror or "")
                continue
            if S_ISREG(status.st_mode):
                yield FoundFile(path, _version(status))
            elif not S_ISDIR(status.st_mode):  # opening a pipe would wait forever
                yield FoundFile(path, (), "not a regular file")
            elif (status.st_dev, status.st_ino) in parents:
                yield FoundFile(path + "/", (), "link to a parent folder")
            else:
                waiting.append((path + "/", parents | {(status.st_dev, status.st_ino)}))


def _version(status: os.stat_result) -> tuple[int, ...]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
