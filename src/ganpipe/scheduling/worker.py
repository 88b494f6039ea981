"""What one worker process does: a single command of DVC, its output in a file, its end tied to the scheduler's."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import wait
from pathlib import Path

from ganpipe.scheduling.locks import strike, workspace_lock


def run_dvc(arguments: Sequence[str], log: Path, locks: Path) -> None:
    """Run `dvc ARGUMENTS` in this process and exit with its code; all that it and its stage print goes to `log`.

    The process leads a group of its own, to which the shell and the stage that DVC starts belong: whoever ends the
    group ends them all.
    """
    os.setsid()
    threading.Thread(target=_end_with_scheduler, args=(locks,), daemon=True).start()
    with log.open("wb") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    # Stages call `python` by its name. Threads that wait for work must not spin on the cores of other workers.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from dvc.cli import main

    sys.exit(main(["--wait-for-lock", *arguments]))


def _end_with_scheduler(locks: Path) -> None:
    """Wait for the scheduler's death, however it died, and end the whole group.

    The lock first: whoever is killed while holding it may leave half a dvc.lock behind.
    """
    scheduler = multiprocessing.parent_process()
    assert scheduler is not None
    wait([scheduler.sentinel])
    with workspace_lock(locks):
        strike(locks, os.getpid())
        os.killpg(0, signal.SIGKILL)
