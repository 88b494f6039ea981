"""The remote side of a training on a cluster: train in a temporary folder and yield progress updates."""

import platform
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from threading import Lock

from ganpipe.common.errors import UserError
from ganpipe.common.process import tune_allocator
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset
from ganpipe.executors.files import Outbox, write_files
from ganpipe.executors.job import Trained
from ganpipe.training.table import NO_ROWS, Rows

UPDATE_S = 1.0
"""Seconds between two updates: a lost node costs at most this much progress beyond the last checkpoint."""


@dataclass(frozen=True)
class ProgressUpdate:
    """Progress of a training since the previous update.

    started: images of earlier attempts and total images, in the first update. images: processed since the previous
    update. history, epochs: new rows of the curves. files: new and changed files of the working folder.
    trained: set in the last update.
    """

    started: tuple[int, int] | None = None
    images: int = 0
    history: Rows = NO_ROWS
    epochs: Rows = NO_ROWS
    files: Mapping[str, bytes] = field(default_factory=dict)
    trained: Trained | None = None

    def __bool__(self) -> bool:
        return bool(self.started or self.images or self.history or self.epochs or self.files or self.trained)


class BufferedCallback:
    """Training callback that collects progress until another thread takes it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._progress = ProgressUpdate()

    def on_start(self, done: int, total: int) -> None:
        """Record the start or resume."""
        self._add(ProgressUpdate(started=(done, total)))

    def on_step(self, images: int) -> None:
        """Count the images of a step."""
        self._add(ProgressUpdate(images=images))

    def on_epoch(self, history: Rows, epochs: Rows) -> None:
        """Append the new rows of both curves."""
        self._add(ProgressUpdate(history=history, epochs=epochs))

    def take(self, files: Mapping[str, bytes], trained: Trained | None) -> ProgressUpdate:
        """Return the progress since the previous call, with the given files and end."""
        with self._lock:
            progress, self._progress = self._progress, ProgressUpdate()
        return replace(progress, files=files, trained=trained)

    def _add(self, new: ProgressUpdate) -> None:
        with self._lock:
            old = self._progress
            self._progress = ProgressUpdate(
                started=new.started or old.started,
                images=old.images + new.images,
                history=old.history + new.history,
                epochs=old.epochs + new.epochs,
            )


def train_on_node(
    training: Training,
    dataset: Dataset,
    files: Mapping[str, bytes],
    device: str,
    packages: Mapping[str, str],
    checkpoint_every: float,
) -> Iterator[ProgressUpdate]:
    """Train on this machine, resuming from the files of an earlier attempt's working folder.

    Needs nothing but its arguments and leaves nothing behind: checkpoints and results are sent with the updates.
    Raises UserError if the installed packages differ from those that the plan was made with.
    """
    _check_packages(packages)
    from ganpipe.executors.local import train_here

    tune_allocator()
    with tempfile.TemporaryDirectory(prefix="ganpipe-") as temporary, ThreadPoolExecutor(1) as pool:
        work, callback = Path(temporary), BufferedCallback()
        write_files(work, files)
        outbox = Outbox(work)
        outbox.changed()  # the other side has these files
        training_thread = pool.submit(train_here, training, dataset, work, callback, device, checkpoint_every)
        trained = None
        while trained is None:
            wait([training_thread], timeout=UPDATE_S)
            # Checked before the files are read, so that the last update contains all of them.
            trained = training_thread.result() if training_thread.done() else None
            if update := callback.take(outbox.changed(), trained):
                yield update


def _check_packages(packages: Mapping[str, str]) -> None:
    wrong = [
        f"{name} {version(name)}, not {required}" for name, required in packages.items() if version(name) != required
    ]
    if wrong:
        headline = f"node {platform.node()}: packages differ from those of the plan. Install requirements.lock there:"
        raise UserError.listing(headline, wrong)
