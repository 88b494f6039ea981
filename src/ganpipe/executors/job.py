"""One training to be done, and how it went: what every executor takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ganpipe.config import Compute, Training

if TYPE_CHECKING:  # it imports torch, which a stage that trains elsewhere need not wait for
    from ganpipe.training.loop import Callback


@dataclass(frozen=True)
class Job:
    """A training and what it needs.

    prepared: folder of the prepared data set. work: folder with the checkpoint of an earlier attempt, if there was one;
    `work/result` holds the result in the end. packages: name -> version that the plan was made with.
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
    """Where a training ended (labels of `records.circumstances`), and what all its attempts cost."""

    machine: Mapping[str, str]
    costs: Mapping[str, float]


class Executor(Protocol):
    """A module of `executors` that does jobs."""

    def machine(self, job: Job) -> Mapping[str, str]:
        """Labels of the machine, as far as it is known before the training begins."""

    def train(self, job: Job, observer: "Callback") -> Trained:
        """Do the job and leave its result in `work/result`.

        Raises UserError for what the user can mend.
        """


def find_executor(job: Job) -> Executor:
    """What does the job: `compute.executor`, but for a generator made before, of which only a file is taken over."""
    name = "local" if job.training.weights else job.compute.executor
    return cast(Executor, import_module(f"ganpipe.executors.{name}"))
