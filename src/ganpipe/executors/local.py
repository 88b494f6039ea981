"""Trainings in the process that asks for them."""

from pathlib import Path

from ganpipe.common import distributed
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset, load
from ganpipe.executors.job import Job, Trained
from ganpipe.records import run_environment
from ganpipe.training.loop import Callback
from ganpipe.training.loop import train as train_run
from ganpipe.training.workdir import choose_device, warn_if_not_reduced


def machine(job: Job) -> dict[str, str]:
    """Labels of this machine and of the device that the job will take here."""
    return run_environment.machine(choose_device(job.compute.device).type, job.training.threads)


def train(job: Job, observer: Callback) -> Trained:
    """Do the job here."""
    return attempt(job.training, load(job.prepared), job.work, observer, job.compute.device, job.checkpoint_every)


def attempt(
    training: Training, dataset: Dataset, work: Path, observer: Callback, device: str, checkpoint_every: float
) -> Trained:
    """Train in this process, going on from the checkpoint in `work`. device: as `compute.device` names it."""
    watch, chosen = run_environment.Stopwatch(), choose_device(device)
    if distributed.rank() == 0:
        warn_if_not_reduced(training.precision, chosen)
    outcome, seconds = train_run(training, dataset, work, observer, chosen, checkpoint_every)
    # All attempts together: the clock of this process knows only the last.
    costs = watch.costs() | {"seconds": seconds, "images_per_second": outcome.images / seconds}
    return Trained(run_environment.machine(chosen.type, training.threads), costs)
