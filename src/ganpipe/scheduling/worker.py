"""A worker process: it runs one DVC command, logs to a file, and dies with the scheduler."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import wait
from pathlib import Path

from ganpipe.scheduling.locks import clean_path_users, path_users_lock, workspace_lock


def run_dvc(arguments: Sequence[str], log: Path, locks: Path) -> None:
    """Run `dvc ARGUMENTS` in this process and exit with its code; all output of it and of its stage goes to `log`.

    The process leads its own process group, which includes the shell and the stage that DVC starts, so that killing the
    group kills them all.
    """
    os.setsid()
    threading.Thread(target=_die_with_scheduler, args=(locks,), daemon=True).start()
    with log.open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    # Stages call `python` by name. OpenMP threads that wait must not spin on the cores of other workers.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from dvc.cli import main

    sys.exit(main(["--wait-for-lock", *arguments]))


def _die_with_scheduler(locks: Path) -> None:
    """Wait for the scheduler's death, whatever its cause, and kill the whole process group.

    Take both locks first: a process killed while holding one may leave half a dvc.lock, or half a list of path users.
    """
    scheduler = multiprocessing.parent_process()
    assert scheduler is not None
    wait([scheduler.sentinel])
    with workspace_lock(locks), path_users_lock(locks):
        clean_path_users(locks, os.getpid())
        os.killpg(0, signal.SIGKILL)
