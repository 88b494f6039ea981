"""The scheduler's worker processes: starting, waiting, stopping."""

import multiprocessing
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType

from ganpipe.scheduling.locks import clean_path_users, path_users_lock, workspace_lock
from ganpipe.scheduling.worker import run_dvc

# Imported once by the fork server, which saves each worker about half a second.
_PRELOAD = ["dvc.cli.parser", "dvc.repo.reproduce", "dvc.rwlock", "dvc.scm", "ruamel.yaml"]
_GRACE_S = 10.0


@dataclass(frozen=True)
class Job:
    """A running or finished DVC command, in a process that leads its own process group."""

    name: str
    log: Path
    started: float
    process: ForkServerProcess

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def succeeded(self) -> bool:
        """Whether the command has exited with 0."""
        return self.process.exitcode == 0

    def last_lines(self, count: int) -> list[str]:
        """Return the last non-empty lines of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]

    def signal(self, number: int) -> None:
        """Send a signal to the process and its descendants."""
        assert self.process.pid is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class WorkerPool:
    """DVC commands running in parallel, one process each. Leaving the `with` block stops all of them."""

    def __init__(self, logs: Path, locks: Path) -> None:
        """Create the pool. logs: folder for log files. locks: folder of DVC's locks, `.dvc/tmp`."""
        self.running: list[Job] = []
        self._logs, self._locks = logs, locks
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOAD)
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "WorkerPool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running:
            self._stop()

    def start(self, name: str, arguments: Sequence[str]) -> Job:
        """Start `dvc ARGUMENTS`; its output goes to <logs>/<name>.log."""
        log = self._logs / f"{name}.log"
        log.unlink(missing_ok=True)
        process = self._context.Process(target=run_dvc, args=(arguments, log, self._locks), name=name)
        process.start()
        job = Job(name, log, time.monotonic(), process)
        self.running.append(job)
        return job

    def wait(self, timeout: float | None) -> list[Job]:
        """Wait for at least one job to end, at most `timeout` seconds (None: forever); return the ended jobs."""
        wait([job.process.sentinel for job in self.running], timeout)
        ended = [job for job in self.running if not job.process.is_alive()]
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
