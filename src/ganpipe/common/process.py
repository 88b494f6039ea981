"""The process a stage runs in: how it ends, what it says of a mistake, its memory, its cores."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from ganpipe.common.errors import UserError, is_full_disk

_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_GIB = 1 << 30


def run_script(work: Callable[[], None]) -> NoReturn:
    """Do the work of a script that keeps no record, and end the process with its exit code."""
    die_with_parent()
    end(guarded(work))


def guarded(work: Callable[[], object]) -> int:
    """Run work and return the exit code: 0, 1 for a mistake (told on stderr), 130 when interrupted."""
    try:
        work()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if not is_full_disk(error):
            raise
        place = f" ({error.filename})" if error.filename else ""
        print(
            f"error: no space left to write{place}: make room and run this again; what is done is kept",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("interrupted; the next run goes on from the last checkpoint", file=sys.stderr)
        return 130
    return 0


def end(code: int) -> NoReturn:
    """End this process at once: Python's own end takes apart all that torch and MLflow loaded, which takes seconds."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError):  # nobody reads any more
            stream.flush()
    os._exit(code)


def available_cores() -> int:
    """Cores that this process may use: no more than a container or `taskset` leaves it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def with_own_programs() -> dict[str, str]:
    """The environment with this interpreter's programs first on the PATH, so that stages find the right `python`."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def tune_allocator() -> None:
    """Tell glibc to keep freed memory for the next training step instead of returning it to the system each time."""
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
    """A killed DVC must not leave a stage behind that goes on writing (Linux only: elsewhere there is no such call)."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent or _orphaned():  # it died before this call
        os.kill(os.getpid(), signal.SIGKILL)


def _orphaned() -> bool:
    """Whether the parent died long before: then another process has adopted this one, and is of another session."""
    try:
        session = os.getsid(0)
        return session != os.getpid() and os.getsid(os.getppid()) != session
    except ProcessLookupError:
        return True
