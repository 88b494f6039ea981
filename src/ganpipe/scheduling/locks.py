"""DVC's two locks: the workspace lock, and the list of processes that read or write each path."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WORKSPACE = "lock"
_PATH_USERS = "rwlock"


@contextmanager
def workspace_lock(folder: Path) -> Iterator[None]:
    """Wait for DVC's workspace lock and hold it; `folder` is `.dvc/tmp`.

    DVC holds this lock whenever it writes dvc.lock, but not while the command of a stage runs.
    """
    from dvc.lock import Lock

    with Lock(str(folder / _WORKSPACE), wait=True):
        yield


@contextmanager
def path_users_lock(folder: Path) -> Iterator[None]:
    """Wait for the lock of the list of path users and hold it: a process killed meanwhile leaves no half-written list.

    If both locks are needed, take the workspace lock first, as DVC does.
    """
    from dvc.lock import Lock

    with Lock(str(folder / f"{_PATH_USERS}.lock"), wait=True):
        yield


def clean_path_users(folder: Path, killed: int | None = None) -> None:
    """Remove a killed process from the list of path users; remove the list if a process died while writing it.

    Call it while holding the lock of the list, and the workspace lock if other DVC processes may run. DVC refuses a
    half-written list. It removes dead processes itself, but considers a zombie, or a later process with the same PID,
    alive: the next run would then find the outputs busy.
    """
    path = folder / _PATH_USERS
    try:
        users = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except ValueError:
        path.unlink()
        return
    if killed is not None:
        writers = {name: user for name, user in users.get("write", {}).items() if user["pid"] != killed}
        readers = {
            name: [user for user in entries if user["pid"] != killed] for name, entries in users.get("read", {}).items()
        }
        users = {"write": writers, "read": {name: entries for name, entries in readers.items() if entries}}
        path.write_text(json.dumps(users), encoding="utf-8")
