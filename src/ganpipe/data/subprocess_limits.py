"""Run a download program that may hang: its progress is watched, and it is killed with all its child processes."""

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

_POLL_SECONDS = 0.1
_EXTRA_BYTES = 64 << 20  # for the logs and indexes that a package manager writes in addition to the package


class ProgramError(Exception):
    """The program is not installed, failed, or was killed. The message is one line."""


@dataclass(frozen=True)
class TimeLimits:
    """Time limits of a source in seconds: without receiving a byte, and in total."""

    idle: float = 60.0
    total: float = 1800.0


def run_limited(command: Sequence[str], folder: Path, limits: TimeLimits, expected_bytes: int, title: str) -> None:
    """Run a program that downloads into `folder`; show a progress bar if standard error is a terminal.

    expected_bytes: size of the download, for the progress bar; a program that writes three times as much is killed.
    Raises ProgramError with a one-line message.
    """
    with tempfile.TemporaryFile() as messages:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                start_new_session=True,  # a process group, so that child processes can be killed too
            )
        except FileNotFoundError:
            raise ProgramError(f"{command[0]} is not installed") from None
        try:
            _watch(process, folder, messages.fileno(), limits, expected_bytes, title)
        finally:
            _kill_group(process)
        if process.returncode != 0:
            messages.seek(0)
            raise ProgramError(_reason(messages.read().decode(errors="replace")) or f"exit code {process.returncode}")


def _watch(
    process: subprocess.Popen[bytes], folder: Path, messages: int, limits: TimeLimits, expected: int, title: str
) -> None:
    start = last_progress = time.monotonic()
    before = (-1, -1)
    with tqdm(total=expected, desc=title, unit="B", unit_scale=True, leave=False, disable=None) as bar:
        while process.poll() is None:
            now = time.monotonic()
            size = _folder_bytes(folder)
            sizes = (size, os.fstat(messages).st_size)
            if sizes != before:
                before, last_progress = sizes, now
                bar.update(min(size, expected) - bar.n)
            if now - last_progress > limits.idle:
                raise ProgramError(f"received nothing for {limits.idle:g} s")
            if now - start > limits.total:
                raise ProgramError(f"not finished after {limits.total:g} s")
            if size > 3 * expected + _EXTRA_BYTES:
                raise ProgramError(f"wrote more than three times the expected {expected} bytes")
            time.sleep(_POLL_SECONDS)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _folder_bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # renamed since it was listed
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 (ten times a second)
    return total


def _reason(messages: str) -> str:
    """Return one line of a program's output: its first two error lines, otherwise its last line."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("npm error", "npm ERR!", "E:"))]
    return "; ".join(errors[:2] or lines[-1:])[:300]
