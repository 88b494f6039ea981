"""DVC's two locks: the workspace lock, and the list of processes that read or write each path."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvc.lock import Lock

_WORKSPACE = "lock"
_PATH_USERS = "rwlock"
_POLL_S = 0.02


def patient_lock(path: str) -> "Lock":
    """Return DVC's lock of a file, which waits as long as it takes and notices within 20 ms that the file is free.

    DVC's own waits for half a second between two tries, longer than most stages hold it.
    """
    from dvc.lock import Lock, LockError

    class PatientLock(Lock):  # type: ignore[misc] # DVC is not typed
        def lock(self) -> None:
            while True:
                try:
                    self._do_lock()
                    return
                except LockError:
                    time.sleep(_POLL_S)

    return PatientLock(path)


@contextmanager
def workspace_lock(folder: Path) -> Iterator[None]:
    """Wait for DVC's workspace lock and hold it; `folder` is `.dvc/tmp`.

    DVC holds this lock whenever it writes dvc.lock, but not while the command of a stage runs.
    """
    with patient_lock(str(folder / _WORKSPACE)):
        yield


@contextmanager
def path_users_lock(folder: Path) -> Iterator[None]:
    """Wait for the lock of the list of path users and hold it: a process killed meanwhile leaves no half-written list.

    If both locks are needed, take the workspace lock first, as DVC does.
    """
    with patient_lock(str(folder / f"{_PATH_USERS}.lock")):
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
