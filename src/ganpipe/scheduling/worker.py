"""A worker process: it runs one task of DVC, logs to a file, and dies with the scheduler."""

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ganpipe.scheduling.locks import clean_path_users, path_users_lock, workspace_lock

_FAILED = 255  # as the command line of DVC exits


def run_task(task: Callable[[], Any], result: Connection, log: Path, locks: Path) -> None:
    """Call `task` in this process, send what it returns, and exit; all output of it and of its stage goes to `log`.

    The process leads its own process group, which includes the shell and the stage that DVC starts, so that killing the
    group kills them all.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)  # not the scheduler's handlers
    os.setsid()
    threading.Thread(target=_die_with_scheduler, args=(locks,), daemon=True).start()
    _redirect_output(log)
    # Stages call `python` by name. OpenMP threads that wait must not spin on the cores of other workers.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from dvc.exceptions import DvcException

    try:
        result.send(task())
    except DvcException:
        logging.getLogger("dvc").exception("")  # DVC's handlers print the chain of causes
        sys.exit(_FAILED)


def _redirect_output(log: Path) -> None:
    """Write everything to a file, what other processes write to the inherited descriptors included."""
    import dvc.logger

    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    for name in ("dvc", "dvc_objects", "dvc_data"):  # their handlers write to the scheduler's streams
        logging.getLogger(name).handlers.clear()
    dvc.logger.setup()


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
