"""Running another program that may hang: watched by the bytes it brings, ended with all it has started."""

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
_SLACK_BYTES = 64 << 20  # logs and indexes that a package manager writes beside the package


class ProgramError(Exception):
    """The program is not installed, failed, or was ended; the message is one line."""


@dataclass(frozen=True)
class Limits:
    """How long a source may take, in seconds: without bringing a byte, and altogether."""

    silence: float = 60.0
    total: float = 1800.0


def run(command: Sequence[str], folder: Path, limits: Limits, expected_bytes: int, title: str) -> None:
    """Run a program that downloads into `folder`, with a progress bar when standard error is a terminal.

    expected_bytes: size of the download, for the bar; three times as much is taken for a runaway and ended.
    Raises ProgramError with the reason in one line.
    """
    with tempfile.TemporaryFile() as messages:
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=messages,
                stderr=messages,
                start_new_session=True,  # its own process group, so that what it starts can be ended with it
            )
        except FileNotFoundError:
            raise ProgramError(f"{command[0]} is not installed") from None
        try:
            _watch(process, folder, messages.fileno(), limits, expected_bytes, title)
        finally:
            _end(process)
        if process.returncode != 0:
            messages.seek(0)
            raise ProgramError(_reason(messages.read().decode(errors="replace")) or f"exit code {process.returncode}")


def _watch(
    process: subprocess.Popen[bytes], folder: Path, messages: int, limits: Limits, expected: int, title: str
) -> None:
    start = heard = time.monotonic()
    before = (-1, -1)
    with tqdm(total=expected, desc=title, unit="B", unit_scale=True, leave=False, disable=None) as bar:
        while process.poll() is None:
            now = time.monotonic()
            size = _bytes_in(folder)
            signs = (size, os.fstat(messages).st_size)
            if signs != before:
                before, heard = signs, now
                bar.update(min(size, expected) - bar.n)
            if now - heard > limits.silence:
                raise ProgramError(f"nothing came for {limits.silence:g} s")
            if now - start > limits.total:
                raise ProgramError(f"not done after {limits.total:g} s")
            if size > 3 * expected + _SLACK_BYTES:
                raise ProgramError(f"brought more than three times the expected {expected} bytes")
            time.sleep(_POLL_SECONDS)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _bytes_in(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # renamed between listing and asking
                total += os.lstat(os.path.join(parent, name)).st_size  # noqa: PTH118 (ten times a second)
    return total


def _reason(messages: str) -> str:
    """One line out of what a program said: its first two errors, or else its last words."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("npm error", "npm ERR!", "E:"))]
    return "; ".join(errors[:2] or lines[-1:])[:300]
