"""The worker processes of a scheduler: start, await, stop."""

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

from ganpipe.scheduling.locks import strike, workspace_lock
from ganpipe.scheduling.worker import run_dvc

# Loaded once, by the process that the workers are forked from, which saves each of them about half a second.
_PRELOAD = ["dvc.cli.parser", "dvc.repo.reproduce", "dvc.rwlock", "dvc.scm", "ruamel.yaml"]
_GRACE_S = 10.0


@dataclass(frozen=True)
class Job:
    """One command of DVC at work, in a process that leads a group of its own."""

    name: str
    log: Path
    started: float
    process: ForkServerProcess

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.started

    @property
    def succeeded(self) -> bool:
        """Whether it has ended well."""
        return self.process.exitcode == 0

    def last_lines(self, count: int) -> list[str]:
        """What it printed last, without empty lines."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]

    def signal(self, number: int) -> None:
        """Send a signal to the process and to all that it has started."""
        assert self.process.pid is not None
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class WorkerPool:
    """Runs commands of DVC, each in a process of its own. At the end of a `with` block none is left."""

    def __init__(self, logs: Path, locks: Path) -> None:
        """Prepare to write logs into a folder; `locks` is the folder of DVC's locks, `.dvc/tmp`."""
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

    def ended(self, patience: float | None) -> list[Job]:
        """Wait until at least one has ended, at most `patience` seconds (None: for ever), and give those that have."""
        wait([job.process.sentinel for job in self.running], patience)
        ended = [job for job in self.running if not job.process.is_alive()]
        self.running = [job for job in self.running if job not in ended]
        self._clear_up([job for job in ended if not job.succeeded])  # a worker that was killed leaves its stage behind
        return ended

    def _stop(self) -> None:
        """Interrupt all as Ctrl-C would, and kill what has not ended ten seconds later.

        The lock first: whoever is stopped while holding it may leave half a dvc.lock behind.
        """
        try:
            with workspace_lock(self._locks):
                for job in self.running:
                    job.signal(signal.SIGINT)
            deadline = time.monotonic() + _GRACE_S
            for job in self.running:
                job.process.join(max(0.0, deadline - time.monotonic()))
        finally:
            self._clear_up(self.running)
            self.running = []

    def _clear_up(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            job.signal(signal.SIGKILL)
            job.process.join()
            if job.process.exitcode is not None and job.process.exitcode < 0 and job.process.pid:
                with workspace_lock(self._locks):
                    strike(self._locks, job.process.pid)
