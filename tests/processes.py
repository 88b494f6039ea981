"""Helpers for tests that kill processes."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until the condition holds; fail after the given time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"condition not met within {seconds} s"
        time.sleep(0.05)


def bytes_of(folder: Path, pattern: str) -> int:
    """Return the size of all matching files of a folder, in which another process may delete files at any moment."""
    total = 0
    for path in folder.glob(pattern):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def running_in(folder: Path) -> list[str]:
    """Return the commands of all processes whose working directory is the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(folder):
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
