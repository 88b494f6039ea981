"""The working folder of a training: one process at a time uses it, and its result is copied from it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ganpipe.common.atomic import atomic_folder, remove_interrupted_writes
from ganpipe.common.errors import UserError

CHECKPOINT = "checkpoint.pt"
RESULT = "result"
"""Names of the checkpoint file and of the folder with the result."""


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Create the folder and lock it while the block runs; the system releases the lock of a killed process.

    What a killed process left half-written is removed: each of several kills would leave a copy of the checkpoint.
    Raises UserError if another process holds the lock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"{folder}: another process is training this run. Wait until it has finished, or stop it."
        ) from None
    try:
        remove_interrupted_writes(folder)
        yield folder
    finally:
        lock.release()


def copy_result(folder: Path, destination: Path) -> None:
    """Copy the result of a training from its working folder; `destination` is replaced as a whole."""
    with atomic_folder(destination) as copy:
        shutil.copytree(folder / RESULT, copy, dirs_exist_ok=True)


def remove(folder: Path) -> None:
    """Delete the folder, unless another process is training in it."""
    if not folder.exists():
        return
    try:
        with locked(folder):
            shutil.rmtree(folder, ignore_errors=True)
    except UserError:
        return  # the other process still needs it
