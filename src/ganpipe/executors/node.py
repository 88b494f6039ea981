"""The far side of a training on a cluster: it trains in a folder of its own and tells what happens, piece by piece."""

import platform
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from threading import Lock

from ganpipe.common.errors import UserError
from ganpipe.common.process import tune_allocator
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset
from ganpipe.executors.files import Outbox, write_files
from ganpipe.executors.job import Trained

NEWS_S = 1.0
"""Seconds between two looks at what is new: so much is lost at most, beyond the last checkpoint."""

Row = Mapping[str, float | int]


@dataclass(frozen=True)
class ProgressUpdate:
    """What has happened since the last news.

    begun: images done by earlier attempts, and all images. images: trained on. history, epochs: new rows of the
    curves. files: new and changed files of the working folder. ended: set in the last news.
    """

    begun: tuple[int, int] | None = None
    images: int = 0
    history: Sequence[Row] = ()
    epochs: Sequence[Row] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    ended: Trained | None = None


class BufferedCallback:
    """Observer that keeps what it is told until it is asked, by another thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._begun: tuple[int, int] | None = None
        self._images = 0
        self._curves: tuple[Sequence[Row], Sequence[Row]] = ((), ())
        self._told = (0, 0)

    def start(self, done: int, total: int) -> None:
        """Keep where the training begins."""
        with self._lock:
            self._begun = (done, total)

    def step(self, images: int) -> None:
        """Count images."""
        with self._lock:
            self._images += images

    def epoch(self, history: Sequence[Row], epochs: Sequence[Row]) -> None:
        """Keep the curves as they are now."""
        with self._lock:
            self._curves = (history, tuple(epochs))  # of these, the loop makes the first anew each time

    def news(self, files: Mapping[str, bytes], ended: Trained | None) -> ProgressUpdate:
        """What is new, with files and an end where there are any."""
        with self._lock:
            history, epochs = (tuple(rows[told:]) for rows, told in zip(self._curves, self._told, strict=True))
            news = ProgressUpdate(self._begun, self._images, history, epochs, files, ended)
            self._told = (len(self._curves[0]), len(self._curves[1]))
            self._begun, self._images = None, 0
        return news


def train_on_node(
    training: Training,
    dataset: Dataset,
    files: Mapping[str, bytes],
    device: str,
    packages: Mapping[str, str],
    checkpoint_every: float,
) -> Iterator[ProgressUpdate]:
    """Train on this machine, going on from the working folder of an earlier attempt, whose files are given.

    Nothing but the arguments is needed here, and nothing stays behind: checkpoints and results travel in the news.
    Raises UserError when this machine has other packages than the plan was made with.
    """
    _check(packages)
    from ganpipe.executors.local import attempt

    tune_allocator()
    with tempfile.TemporaryDirectory(prefix="ganpipe-") as scratch, ThreadPoolExecutor(1) as pool:
        work, reporter = Path(scratch), BufferedCallback()
        write_files(work, files)
        outbox = Outbox(work)
        outbox.changed()  # the other side has these
        training_thread = pool.submit(attempt, training, dataset, work, reporter, device, checkpoint_every)
        ended = None
        while ended is None:
            wait([training_thread], timeout=NEWS_S)
            # Asked before the files are looked at, so that the last news holds all of them.
            ended = training_thread.result() if training_thread.done() else None
            news = reporter.news(outbox.changed(), ended)
            if news != ProgressUpdate():
                yield news


def _check(packages: Mapping[str, str]) -> None:
    wrong = [f"{name} {version(name)}, not {wanted}" for name, wanted in packages.items() if version(name) != wanted]
    if wrong:
        headline = f"the node {platform.node()} has other packages than the plan; install requirements.lock there:"
        raise UserError.listing(headline, wrong)
