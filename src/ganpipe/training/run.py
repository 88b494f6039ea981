"""The training: a pure function from settings and prepared data to files. It reads top to bottom."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ganpipe.atomic import atomic_folder, write_text
from ganpipe.config import Training
from ganpipe.data.batches import Batches
from ganpipe.data.dataset import Dataset
from ganpipe.generator import Description, save_generator, to_pixels
from ganpipe.methods.catalogue import method_of
from ganpipe.methods.protocol import Method
from ganpipe.metrics.pixels import contrast, diversity, sharpness
from ganpipe.pictures import save_grid
from ganpipe.training import health
from ganpipe.training.checkpoint import Checkpoint, Place
from ganpipe.training.history import History, write_csv

FIXED_NOISE = 64
"""Images drawn from the same noise after every epoch."""
_COLUMNS = 8
_SAMPLE_SEED = 20_000
"""Keeps the fixed noise apart from the noise of the training, which starts from the run's seed."""


Row = Mapping[str, float | int]


class Observer(Protocol):
    """Who watches a training: a progress bar, a tracker. What it does changes nothing in the result."""

    def start(self, done: int, total: int) -> None:
        """The training begins, or goes on, with so many of its images done."""

    def step(self, images: int) -> None:
        """One more step, on so many images."""

    def epoch(self, history: Sequence[Row], epochs: Sequence[Row]) -> None:
        """An epoch is done: all rows of both curves so far, as they will stand in history.csv and epochs.csv."""


class Clock:
    """Seconds of this attempt and of the earlier ones that it goes on from."""

    def __init__(self) -> None:
        self.earlier = 0.0
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return self.earlier + time.perf_counter() - self._started


@dataclass(frozen=True)
class Outcome:
    """How a training ended. `diverged` leaves no usable generator; the other failures leave one to be scored."""

    status: Literal["ok", "diverged", "collapsed", "saturated"]
    reason: str
    steps: int
    epochs: int
    images: int


def train(
    training: Training,
    dataset: Dataset,
    work: Path,
    observer: Observer,
    device: torch.device,
    checkpoint_every: float,
) -> tuple[Outcome, float]:
    """Train one run and leave its files in `work/result`; go on from `work/checkpoint.pt` when there is one.

    The same settings, data and kind of processor give the same bits, also when the training was interrupted. Failures
    of the learning itself are outcomes, not errors. Also returns the seconds that all attempts took together.
    """
    clock = Clock()
    make_deterministic(training.threads)
    torch.manual_seed(training.seed)
    batches = Batches(
        dataset.train,
        training.batch_size,
        training.seed,
        value_range=training.range,
        device=device,
        limit=training.images,
    )
    method = method_of(training.method, training, dataset.shape, device)
    noise = torch.randn(
        FIXED_NOISE, training.latent, generator=torch.Generator().manual_seed(_SAMPLE_SEED + training.seed)
    )
    history, epochs = History(), list[dict[str, float | int]]()
    progress = work / "progress"

    # Take up where an earlier attempt was stopped.
    checkpoint, place = Checkpoint(work, checkpoint_every), Place()
    if restored := checkpoint.restore(device):
        place, state = restored
        method.load(state["method"])
        history.load(state["history"])
        epochs = state["epochs"]
        clock.earlier = state["seconds"]
    total = training.epochs * len(batches) * batches.batch_size
    observer.start(len(history) * batches.batch_size, total)

    problem = ""
    for epoch in range(place.epoch, training.epochs):
        first_step = epoch * len(batches)
        index = place.index if epoch == place.epoch else 0
        for images, labels in batches.epoch(epoch, index):
            history.append(method.step(images, labels))
            observer.step(len(images))
            index += 1

            # A lost training is told at once instead of running to its end.
            if len(history) % health.CHECK_EVERY == 0:
                problem = _divergence(history, method)
                if problem:
                    break
            if checkpoint.due():
                checkpoint.save(Place(epoch, index), _state(method, history, epochs, clock))
        problem = problem or _divergence(history, method)
        if problem:
            break

        # Pictures from the same noise, and what can be measured on them.
        pixels = to_pixels(method.sample(noise, None), training.range)
        save_grid(pixels, progress / f"epoch-{epoch + 1:04}.png", _COLUMNS)
        means = history.means(first_step) | {
            "sharpness": sharpness(pixels),
            "contrast": contrast(pixels),
            "diversity": diversity(pixels),
        }
        epochs.append({"epoch": epoch + 1, **means})
        observer.epoch(history.rows(batches.batch_size, len(batches)), epochs)
        checkpoint.save(Place(epoch + 1, 0), _state(method, history, epochs, clock))

    seen = len(history) * batches.batch_size
    outcome = _judge(problem, history, epochs, seen, training, method, noise, dataset)
    with atomic_folder(work / "result") as result:
        if outcome.status != "diverged":
            save_generator(method.exported(), _description(training, dataset), result)
        write_csv(result / "history.csv", history.rows(batches.batch_size, len(batches)))
        write_csv(result / "epochs.csv", epochs)
        write_text(result / "status.json", json.dumps(asdict(outcome), indent=2) + "\n")
        if progress.exists():
            shutil.copytree(progress, result / "progress")
    return outcome, clock.seconds


def make_deterministic(threads: int) -> None:
    """Equal bits from equal inputs; the number of threads decides over the order of sums, so it is fixed."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


def _state(method: Method, history: History, epochs: list[dict[str, float | int]], clock: Clock) -> dict[str, object]:
    return {
        "method": method.state(),
        "history": history.state(),
        "epochs": epochs,
        "seconds": clock.seconds,
    }


def _divergence(history: History, method: Method) -> str:
    recent = history.values(max(0, len(history) - health.CHECK_EVERY))
    return health.diverged_losses(recent, history.columns) or health.diverged_weights(method.networks())


def _judge(
    problem: str,
    history: History,
    epochs: list[dict[str, float | int]],
    images: int,
    training: Training,
    method: Method,
    noise: Tensor,
    dataset: Dataset,
) -> Outcome:
    steps = len(history)
    done = (steps, len(epochs), images)
    if problem:
        return Outcome("diverged", f"at step {steps}: {problem}", *done)
    generated = to_pixels(method.sample(noise, None), training.range)
    real: NDArray[np.uint8] = dataset.train.images[:FIXED_NOISE]
    if reason := health.collapsed(generated, real):
        return Outcome("collapsed", reason, *done)
    if reason := health.saturated(epochs[-1]):
        return Outcome("saturated", reason, *done)
    return Outcome("ok", "", *done)


def _description(training: Training, dataset: Dataset) -> Description:
    return Description(
        network=training.network,
        options=training.generator,
        latent=training.latent,
        classes=0,
        channels=dataset.shape.channels,
        size=dataset.shape.size,
        range=training.range,
    )
