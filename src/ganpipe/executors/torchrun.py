"""One training by several processes of this machine, which torchrun starts: each takes its share of every batch.

The stage stays what it is: it starts the launcher, follows what the first process tells, and ends all of them when it
ends itself. The first process writes checkpoint and result where the stage would.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from ganpipe.common.errors import UserError
from ganpipe.executors.job import Job, Trained

if TYPE_CHECKING:
    from ganpipe.training.loop import Callback

_GRACE_S = 10.0


def machine(job: Job) -> Mapping[str, str]:
    """That several processes do the work; the device shows once they run."""
    return {"executor": "torchrun", "processes": str(job.training.processes)}


def train(job: Job, observer: "Callback") -> Trained:
    """Do the job by as many processes as its settings say.

    Raises UserError for what the user can mend, and when a process was lost.
    """
    task = {
        "training": job.training.model_dump(mode="json"),
        "prepared": str(job.prepared),
        "work": str(job.work),
        "device": job.compute.device,
        "checkpoint_every": job.checkpoint_every,
    }
    told = _Told(observer)
    with _launched(job.training.processes, job.training.threads, json.dumps(task)) as (launcher, lines):
        for line in lines:
            told.take(line)
        code = launcher.wait()
    if told.mistake:
        raise UserError(told.mistake)
    if code != 0 or told.ended is None:
        lost = told.lost or f"the launcher of its processes ended with {code}"
        raise UserError(
            f"{job.run}: {lost}; if it said why, that stands above. With it all processes of this training have ended; "
            "run again, this goes on from the last checkpoint"
        )
    return Trained({**told.ended["machine"], **machine(job)}, told.ended["costs"])


class _Told:
    """What the processes have told so far."""

    def __init__(self, observer: "Callback") -> None:
        self._observer = observer
        self._history: list[Mapping[str, float]] = []
        self._epochs: list[Mapping[str, float]] = []
        self.mistake = self.lost = ""
        self.ended: Mapping[str, Any] | None = None

    def take(self, line: str) -> None:
        """Take up one line of news, and hand on what the observer wants to know."""
        try:
            news = json.loads(line)
        except json.JSONDecodeError:  # of a process that was killed while it wrote
            return
        match news:
            case {"start": (done, total)}:
                self._observer.start(done, total)
            case {"step": images}:
                self._observer.step(images)
            case {"history": history, "epochs": epochs}:
                self._history += history
                self._epochs += epochs
                self._observer.epoch(self._history, self._epochs)
            case {"ended": ended}:
                self.ended = ended
            case {"mistake": mistake}:
                self.mistake = mistake
            case {"lost": lost}:
                self.lost = lost


@contextmanager
def _launched(processes: int, threads: int, task: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """The launcher and the lines that its processes tell; ended with all of them when the block is left."""
    command = [sys.executable, "-m", "ganpipe.executors.launcher", str(processes), task]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}  # torchrun would warn of its own choice
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=environment) as launcher:
        assert launcher.stdout is not None
        try:
            yield launcher, launcher.stdout
        finally:
            launcher.terminate()  # it ends the others first
            try:
                launcher.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                launcher.kill()
