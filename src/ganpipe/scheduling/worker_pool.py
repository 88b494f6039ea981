"""The scheduler's worker processes: starting, waiting, stopping."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import TracebackType
from typing import Any

from ganpipe.scheduling.locks import clean_path_users, path_users_lock, workspace_lock
from ganpipe.scheduling.worker import run_task

_GRACE_S = 10.0
_TAIL_BYTES = 1 << 14


@dataclass
class Job:
    """A running or finished task, in a process that leads its own process group."""

    name: str
    log: Path
    started: float
    process: ForkProcess
    connection: Connection
    result: Any = None
    """What the task returned, once it has ended."""

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def quiet_seconds(self) -> float:
        """Seconds since the last output."""
        try:
            return max(0.0, time.time() - self.log.stat().st_mtime)
        except FileNotFoundError:
            return 0.0

    @property
    def succeeded(self) -> bool:
        """Whether the task has ended without an error."""
        return self.process.exitcode == 0

    @property
    def run(self) -> str:
        """The run or the dataset of the stage; empty if it has none."""
        return self.name.partition("@")[2]

    def last_lines(self, count: int) -> list[str]:
        """Return the last non-empty lines of its log."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except FileNotFoundError:  # the worker has not started to write
            return []
        return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]

    def logged(self, *parts: str) -> bool:
        """Return whether its log contains one of these texts."""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return any(part in text for part in parts)

    def signal(self, number: int) -> None:
        """Send a signal to the process and its descendants."""
        assert self.process.pid is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class WorkerPool:
    """Tasks running in parallel, one process each. Leaving the `with` block stops all of them.

    The processes are forked, so that each has what this process has read. Fork no process that has threads.
    """

    def __init__(self, logs: Path, locks: Path) -> None:
        """Create the pool. logs: folder for log files. locks: folder of DVC's locks, `.dvc/tmp`."""
        self.running: list[Job] = []
        self._logs, self._locks = logs, locks
        self._context = multiprocessing.get_context("fork")
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running:
            self._stop()

    def start(self, name: str, task: Callable[[], Any]) -> Job:
        """Start a task; its output goes to <logs>/<name>.log."""
        log = self._logs / f"{name}.log"
        log.unlink(missing_ok=True)
        connection, result = self._context.Pipe(duplex=False)
        process = self._context.Process(target=run_task, args=(task, result, log, self._locks), name=name)
        process.start()
        result.close()  # the worker has the only copy, so that its end is noticed
        job = Job(name, log, time.monotonic(), process, connection)
        self.running.append(job)
        return job

    def wait(self, timeout: float | None) -> list[Job]:
        """Wait for at least one job to end, at most `timeout` seconds (None: forever); return the ended jobs."""
        ready = wait([job.connection for job in self.running], timeout)
        ended = [job for job in self.running if job.connection in ready]
        for job in ended:
            with suppress(EOFError):  # it failed
                job.result = job.connection.recv()
            job.connection.close()
            job.process.join()
        self.running = [job for job in self.running if job not in ended]
        self._clean_up([job for job in ended if not job.succeeded])  # the stage of a killed worker is still running
        return ended

    def _stop(self) -> None:
        """Interrupt all jobs as Ctrl-C would, and kill those still running after ten seconds.

        Take both locks first: a process stopped while holding one may leave half a dvc.lock, or half a list of path
        users.
        """
        try:
            with workspace_lock(self._locks), path_users_lock(self._locks):
                for job in self.running:
                    job.signal(signal.SIGINT)
            deadline = time.monotonic() + _GRACE_S
            for job in self.running:
                job.process.join(max(0.0, deadline - time.monotonic()))
        finally:
            self._clean_up(self.running)
            self.running = []

    def _clean_up(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            with path_users_lock(self._locks):
                job.signal(signal.SIGKILL)
                job.process.join()
            if job.process.exitcode is not None and job.process.exitcode < 0 and job.process.pid:
                with workspace_lock(self._locks), path_users_lock(self._locks):
                    clean_path_users(self._locks, job.process.pid)
