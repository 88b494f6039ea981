"""One training to be done, and how it went: what every executor takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ganpipe.config import Compute, Training

if TYPE_CHECKING:  # it imports torch, which a stage that trains elsewhere need not wait for
    from ganpipe.training.run import Observer


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

    def train(self, job: Job, observer: "Observer") -> Trained:
        """Do the job and leave its result in `work/result`.

        Raises UserError for what the user can mend.
        """
