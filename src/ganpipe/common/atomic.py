"""Writes that are either whole or not there: a reader, or a kill, never meets half a file."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganpipe.common.errors import is_full_disk

_PROBE = 1 << 20  # bytes: a disk that does not take them is full


def _beside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes the name when the block ends well, else it is removed.

    Raises OSError that names `path` when there is no room for it.
    """
    part = _beside(path)
    try:
        yield part
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.replace(path)
    except Exception as error:
        _tell_full_disk(error, part, path)
        raise
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path`; it replaces `path` when the block ends well, else it is removed.

    Raises OSError that names `path` when there is no room for it.
    """
    part, old = _beside(path), _beside(path)
    part.mkdir()
    try:
        yield part
        if path.exists():
            path.replace(old)  # removed under its own name, it would be half there for a while
        part.replace(path)
    except Exception as error:
        _tell_full_disk(error, part, path)
        raise
    finally:
        for folder in (part, old):
            shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf-8")


def _tell_full_disk(error: Exception, part: Path, path: Path) -> None:
    """Raise the system's error, with the name of what could not be written, when that is why a write failed.

    Libraries tell of a full disk in words of their own; so, where the error is none of the system's, try to write more.
    """
    if isinstance(error, OSError) and error.filename:
        return  # told already, by the write of a file within a folder
    full = error if is_full_disk(error) else _refusal(part)
    if isinstance(full, OSError):
        raise OSError(full.errno, full.strerror, str(path)) from error


def _refusal(part: Path) -> OSError | None:
    """The error of a disk that takes no more of the file, or of the largest in a folder."""
    files = [file for file in part.rglob("*") if file.is_file()] if part.is_dir() else [part]
    try:
        with max(files, key=lambda file: file.stat().st_size).open("ab") as handle:
            handle.write(bytes(_PROBE))
    except (OSError, ValueError) as error:
        return error if isinstance(error, OSError) and is_full_disk(error) else None
    return None
