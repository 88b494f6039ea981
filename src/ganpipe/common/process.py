"""Process control: exit codes, error messages, memory allocator, cores, death with the parent."""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from ganpipe.common.errors import UserError, is_full_disk

_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_GIB = 1 << 30


def run_script(run: Callable[[], None]) -> NoReturn:
    """Run a stage that keeps no record, then exit the process with its exit code."""
    die_with_parent()
    exit_now(exit_code_of(run))


def exit_code_of(run: Callable[[], object]) -> int:
    """Call `run` and return the exit code: 0, 1 for a user error (printed on stderr), 130 when interrupted."""
    try:
        run()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if not is_full_disk(error):
            raise
        name = f"{error.filename}: " if error.filename else ""
        message = f"error: {name}no space left on the disk. Free some space and run the command again: it resumes."
        print(message, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: the next run resumes from the last checkpoint", file=sys.stderr)
        return 130
    return 0


def exit_now(code: int) -> NoReturn:
    """Exit at once: a regular exit of the interpreter spends seconds on tearing down torch and MLflow."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError):  # the reader has closed the pipe
            stream.flush()
    os._exit(code)


def available_cores() -> int:
    """Return the number of cores that this process may use, as limited by a container or by `taskset`."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment_with_venv_programs() -> dict[str, str]:
    """Return os.environ with the programs of this interpreter first on the PATH, so that stages find its `python`."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def tune_allocator() -> None:
    """Make glibc keep freed memory for the next training step instead of returning it to the system each time."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for option, value in (
            (_M_MMAP_THRESHOLD, _GIB),
            (_M_TRIM_THRESHOLD, 2 * _GIB - 1),
            (_M_TOP_PAD, 64 << 20),
        ):
            libc.mallopt(option, value)


def die_with_parent() -> None:
    """Kill this process when its parent dies, so that a killed DVC leaves no stage running.

    The kernel does so on Linux; elsewhere a thread looks for the parent every second.
    """
    parent = os.getppid()
    if sys.platform != "linux":
        threading.Thread(target=_kill_without, args=(parent,), daemon=True).start()
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent or _orphaned():  # the parent died before this call
        os.kill(os.getpid(), signal.SIGKILL)


def _kill_without(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGKILL)


def _orphaned() -> bool:
    """Return whether the parent died before the check: an adoptive parent belongs to another session."""
    try:
        session = os.getsid(0)
        return session != os.getpid() and os.getsid(os.getppid()) != session
    except ProcessLookupError:
        return True
