"""Train in the calling process."""

from pathlib import Path

from ganpipe.common import distributed
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset, load
from ganpipe.executors.job import Job, Trained
from ganpipe.records import run_environment
from ganpipe.training.callback import Callback
from ganpipe.training.device import choose_device, warn_if_precision_is_ignored
from ganpipe.training.given_images import import_images
from ganpipe.training.loop import train as train_run


def machine(job: Job) -> dict[str, str]:
    """Return the labels of this machine and of the device that the job will use."""
    return run_environment.machine_labels(choose_device(job.compute.device).type, job.training.threads)


def train(job: Job, callback: Callback) -> Trained:
    """Execute the job in this process."""
    return train_here(job.training, load(job.prepared), job.work, callback, job.compute.device, job.checkpoint_every)


def train_here(
    training: Training, dataset: Dataset, work: Path, callback: Callback, device: str, checkpoint_every: float
) -> Trained:
    """Train in this process, resuming from the checkpoint in `work`. device: a value of `compute.device`."""
    stopwatch, chosen = run_environment.Stopwatch(), choose_device(device)
    if distributed.rank() == 0:
        warn_if_precision_is_ignored(training.precision, chosen)
    if training.path is None:
        outcome, seconds = train_run(training, dataset, work, callback, chosen, checkpoint_every)
    else:
        outcome, seconds = import_images(training, dataset, work)
    # The seconds of all attempts: the stopwatch measures only this one.
    costs = stopwatch.costs() | {"seconds": seconds, "images_per_second": outcome.images / seconds}
    return Trained(run_environment.machine_labels(chosen.type, training.threads), costs)
