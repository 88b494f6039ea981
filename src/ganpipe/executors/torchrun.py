"""One training in several processes of this machine, started by torchrun; each takes its share of every batch.

The stage starts the launcher, follows what rank 0 reports, and stops all processes if it is stopped itself. Rank 0
writes checkpoints and result to the working folder, as the stage would.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from ganpipe.common.errors import UserError
from ganpipe.executors.job import Job, Trained
from ganpipe.training.callback import Callback
from ganpipe.training.table import Rows

_STOP_S = 10.0
"""Seconds that the launcher has to stop its processes before it is killed."""


def machine(job: Job) -> Mapping[str, str]:
    """Return the number of processes; the device is known once they run."""
    return {"executor": "torchrun", "processes": str(job.training.processes)}


def train(job: Job, callback: Callback) -> Trained:
    """Execute the job in as many processes as its settings require.

    Raises UserError for errors the user can fix, and if a process was lost.
    """
    task = {
        "training": job.training.model_dump(mode="json"),
        "prepared": str(job.prepared),
        "work": str(job.work),
        "device": job.compute.device,
        "checkpoint_every": job.checkpoint_every,
    }
    messages = _Messages(callback)
    with _launcher(job.training.processes, job.training.threads, json.dumps(task)) as (launcher, lines):
        for line in lines:
            messages.handle(line)
        code = launcher.wait()
    if messages.error:
        raise UserError(messages.error)
    if code != 0 or messages.trained is None:
        lost = messages.lost or f"the launcher of its processes ended with exit code {code}"
        raise UserError(
            f"{job.run}: {lost}; its own message, if any, is printed above. All processes of this training have been "
            "stopped. Run again: it resumes from the last checkpoint."
        )
    return Trained({**messages.trained["machine"], **machine(job)}, messages.trained["costs"])


class _Messages:
    """Handles the lines of the launcher and of rank 0: passes progress to the callback, and keeps how it ended."""

    def __init__(self, callback: Callback) -> None:
        self._callback = callback
        self.error = self.lost = ""
        self.trained: Mapping[str, Any] | None = None

    def handle(self, line: str) -> None:
        try:
            message = json.loads(line)
        except json.JSONDecodeError:  # of a process that was killed while it wrote the line
            return
        match message:
            case {"start": (done, total)}:
                self._callback.on_start(done, total)
            case {"step": images}:
                self._callback.on_step(images)
            case {"history": history, "epochs": epochs}:
                self._callback.on_epoch(Rows.from_json(history), Rows.from_json(epochs))
            case {"trained": trained}:
                self.trained = trained
            case {"error": error}:
                self.error = error
            case {"lost": lost}:
                self.lost = lost


@contextmanager
def _launcher(processes: int, threads: int, task: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Start the launcher and yield it with its output lines; it and its processes are stopped at the end."""
    command = [sys.executable, "-m", "ganpipe.executors.launcher", str(processes), task]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}  # without it, torchrun sets 1 and prints a warning
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment) as launcher:
        assert launcher.stdout is not None
        try:
            yield launcher, launcher.stdout
        finally:
            launcher.terminate()  # it stops its processes first
            try:
                launcher.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                launcher.kill()
