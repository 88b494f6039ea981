"""DVC's two locks: the workspace lock, and the list of processes that read or write each path."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WORKSPACE = "lock"


@contextmanager
def workspace_lock(folder: Path) -> Iterator[None]:
    """Wait for DVC's workspace lock and hold it; `folder` is `.dvc/tmp`.

    DVC holds this lock whenever it writes dvc.lock, but not while the command of a stage runs.
    """
    from dvc.lock import Lock

    with Lock(str(folder / _WORKSPACE), wait=True):
        yield


def remove_stale_lock(folder: Path, pid: int) -> None:
    """Remove a killed process from the list of path users. Call it while holding the workspace lock.

    DVC removes dead processes itself, but considers a zombie, or a later process with the same PID, alive: the next
    run would then find the outputs busy.
    """
    from dvc.fs import localfs
    from dvc.rwlock import _edit_rwlock

    with _edit_rwlock(str(folder), localfs, hardlink=False) as users:
        users["write"] = {path: user for path, user in users["write"].items() if user["pid"] != pid}
        readers = {path: [user for user in entries if user["pid"] != pid] for path, entries in users["read"].items()}
        users["read"] = {path: entries for path, entries in readers.items() if entries}
