"""A training to execute and its result: the interface of all executors."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from ganpipe.config import Compute, Training
from ganpipe.training.callback import Callback


@dataclass(frozen=True)
class Job:
    """A training and what it needs.

    prepared: folder of the prepared dataset. work: folder with the checkpoint of an earlier attempt, if there was one;
    receives the result as `work/result`. packages: name -> version that the plan was made with.
    checkpoint_every: seconds between two checkpoints within an epoch.
    """

    run: str
    training: Training
    prepared: Path
    work: Path
    compute: Compute
    packages: Mapping[str, str]
    checkpoint_every: float


@dataclass(frozen=True)
class Trained:
    """Labels of the machine on which a training ended, and the costs of all its attempts."""

    machine: Mapping[str, str]
    costs: Mapping[str, float]


class Executor(Protocol):
    """A module of `executors` that executes jobs."""

    def machine(self, job: Job) -> Mapping[str, str]:
        """Return the labels of the machine that are known before the training starts."""

    def train(self, job: Job, callback: Callback) -> Trained:
        """Execute the job and write its result to `work/result`. Raises UserError for errors the user can fix."""


def find_executor(job: Job) -> Executor:
    """Return the executor `compute.executor`; what was made elsewhere is always copied locally."""
    name = "local" if job.training.weights or job.training.path else job.compute.executor
    return cast(Executor, import_module(f"ganpipe.executors.{name}"))
