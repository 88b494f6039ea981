"""DVC's two locks: one on the workspace while it is read or written, and a list of who uses which path."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WORKSPACE = "lock"


@contextmanager
def workspace_lock(folder: Path) -> Iterator[None]:
    """Wait until no DVC reads or writes the workspace, and keep it so; `folder` is `.dvc/tmp`.

    DVC holds this lock whenever it writes dvc.lock, but not while the command of a stage runs.
    """
    from dvc.lock import Lock

    with Lock(str(folder / _WORKSPACE), wait=True):
        yield


def strike(folder: Path, pid: int) -> None:
    """Strike a killed process off the list of who uses which path; to be called with the workspace locked.

    DVC strikes off whoever is gone, but takes a zombie, or a later process with the same number, for alive: then the
    next run would find the outputs busy.
    """
    from dvc.fs import localfs
    from dvc.rwlock import _edit_rwlock

    with _edit_rwlock(str(folder), localfs, hardlink=False) as users:
        users["write"] = {path: user for path, user in users["write"].items() if user["pid"] != pid}
        reading = {path: [user for user in them if user["pid"] != pid] for path, them in users["read"].items()}
        users["read"] = {path: them for path, them in reading.items() if them}
