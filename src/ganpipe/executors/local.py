"""Trainings in the process that asks for them."""

from pathlib import Path

from ganpipe import parallel
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset, load
from ganpipe.executors.job import Job, Trained
from ganpipe.records import circumstances
from ganpipe.training.run import Observer
from ganpipe.training.run import train as train_run
from ganpipe.training.workplace import choose_device, tell_precision


def machine(job: Job) -> dict[str, str]:
    """Labels of this machine and of the device that the job will take here."""
    return circumstances.machine(choose_device(job.compute.device).type, job.training.threads)


def train(job: Job, observer: Observer) -> Trained:
    """Do the job here."""
    return attempt(job.training, load(job.prepared), job.work, observer, job.compute.device, job.checkpoint_every)


def attempt(
    training: Training, dataset: Dataset, work: Path, observer: Observer, device: str, checkpoint_every: float
) -> Trained:
    """Train in this process, going on from the checkpoint in `work`. device: as `compute.device` names it."""
    watch, chosen = circumstances.Stopwatch(), choose_device(device)
    if parallel.rank() == 0:
        tell_precision(training.precision, chosen)
    outcome, seconds = train_run(training, dataset, work, observer, chosen, checkpoint_every)
    # All attempts together: the clock of this process knows only the last.
    costs = watch.costs() | {"seconds": seconds, "images_per_second": outcome.images / seconds}
    return Trained(circumstances.machine(chosen.type, training.threads), costs)
