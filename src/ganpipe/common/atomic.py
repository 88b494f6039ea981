"""Atomic writes: a reader, or a kill, never sees a half-written file or folder."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ganpipe.common.errors import is_full_disk

_PROBE_BYTES = 1 << 20


def _temporary_path(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; rename it to `path` if the block succeeds, else remove it.

    Raises OSError with the file name `path` when the disk is full.
    """
    part = _temporary_path(path)
    try:
        yield part
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.replace(path)
    except Exception as error:
        _raise_if_disk_full(error, part, path)
        raise
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a new temporary folder next to `path`; it replaces `path` if the block succeeds, else it is removed.

    Raises OSError with the file name `path` when the disk is full.
    """
    part, old = _temporary_path(path), _temporary_path(path)
    part.mkdir()
    try:
        yield part
        if path.exists():
            path.replace(old)  # deleting it in place would leave a half-deleted folder visible for a while
        part.replace(path)
    except Exception as error:
        _raise_if_disk_full(error, part, path)
        raise
    finally:
        for folder in (part, old):
            shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_file(path) as part:
        part.write_text(text, encoding="utf-8")


def remove_interrupted_writes(folder: Path) -> None:
    """Remove the temporary files and folders that killed writers left below `folder`. No writer may be active there."""
    for part in list(folder.rglob(".*.part")):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _raise_if_disk_full(error: Exception, part: Path, path: Path) -> None:
    """Raise an OSError that names `path` if a full disk caused `error`.

    Libraries report a full disk with exceptions of their own. If `error` is not the system's, a probe write decides.
    """
    if isinstance(error, OSError) and error.filename:
        return  # already names the file inside the folder
    cause = error if is_full_disk(error) else _probe_write_error(part)
    if isinstance(cause, OSError):
        raise OSError(cause.errno, cause.strerror, str(path)) from error


def _probe_write_error(part: Path) -> OSError | None:
    """Append to the file, or to the largest file of a folder; return the error if the disk is full, else None."""
    files = [file for file in part.rglob("*") if file.is_file()] if part.is_dir() else [part]
    try:
        with max(files, key=lambda file: file.stat().st_size).open("ab") as handle:
            handle.write(bytes(_PROBE_BYTES))
    except (OSError, ValueError) as error:
        return error if isinstance(error, OSError) and is_full_disk(error) else None
    return None
