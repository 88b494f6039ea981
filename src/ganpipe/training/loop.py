"""The training: a pure function from settings and prepared data to files. It reads top to bottom."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.common import distributed
from ganpipe.common.atomic import atomic_folder, write_text
from ganpipe.common.determinism import make_deterministic
from ganpipe.common.image_grid import save_grid
from ganpipe.config import Training
from ganpipe.data.balanced import BalancedBatches
from ganpipe.data.batches import Batches, ValueRange
from ganpipe.data.dataset import Dataset, Split
from ganpipe.methods.common.protocol import Method, Model, PerClassMethod, ReconstructionMethod
from ganpipe.methods.common.train_state import eval_forward
from ganpipe.methods.registry import build_method
from ganpipe.sampling.description import Description
from ganpipe.sampling.generator import balanced_labels, save_generator, to_pixels
from ganpipe.training import health
from ganpipe.training.checkpoint import Checkpoint, Position
from ganpipe.training.history import History, write_csv
from ganpipe.training.per_class_log import PerClassLog
from ganpipe.training.sample_metrics import MEASURES, measured

FIXED_NOISE = 64
"""Images drawn from the same noise after every epoch."""
PROGRESS, PANELS = "progress", "panels"
_COLUMNS = 8
_SAMPLE_SEED = 20_000
"""Keeps the fixed noise apart from the noise of the training, which starts from the run's seed."""


Row = Mapping[str, float | int]
Status = Literal["ok", "diverged", "collapsed", "saturated"]

INDEX = ("step", "epoch", "images")


class Callback(Protocol):
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

    status: Status
    reason: str
    steps: int
    epochs: int
    images: int


@dataclass
class TrainingLog:
    """What a training has recorded, and why it was given up, or ""; of a model that does not learn: nothing."""

    history: History = field(default_factory=History)
    epochs: list[dict[str, float | int]] = field(default_factory=list)
    images_a_step: int = 1
    steps_an_epoch: int = 1
    problem: str = ""


def train(
    training: Training,
    dataset: Dataset,
    work: Path,
    observer: Callback,
    device: torch.device,
    checkpoint_every: float,
) -> tuple[Outcome, float]:
    """Train one run and leave its files in `work/result`; go on from `work/checkpoint.pt` when there is one.

    The same settings, data and kind of processor give the same bits, also when the training was interrupted. Failures
    of the learning itself are outcomes, not errors. Also returns the seconds that all attempts took together.

    Several processes that have joined in a group train the run together when each calls this: the first alone writes
    files and tells the observer.
    """
    clock = Clock()
    make_deterministic(training.threads)
    torch.manual_seed(training.seed)
    model = build_method(training, dataset.shape, len(dataset.classes), device)
    description = model.description()
    watched = FixedNoise(description, training.seed, device)
    study = PerClassLog(model, dataset, training.seed, device)
    course = TrainingLog()
    if isinstance(model, Method):
        batching = partial(BalancedBatches, classes=model.classes) if isinstance(model, PerClassMethod) else Batches
        batches = batching(
            dataset.train,
            training.batch_size * model.batches_per_step,
            training.seed,
            value_range=description.range,
            flips=training.flips,
            device=device,
            limit=training.images,
            share=(distributed.rank(), distributed.size()),
        )
        checkpoint = Checkpoint(work, checkpoint_every)
        course = _learn(training, model, batches, dataset, watched, study, checkpoint, observer, clock)

    history, epochs = course.history, course.epochs
    status: Status = "diverged"
    reason = f"at step {len(history)}: {course.problem}"
    if not course.problem:
        status, reason = _failure(watched.pixels(model), epochs, dataset)
    outcome = Outcome(status, reason, len(history), len(epochs), len(history) * course.images_a_step)
    if distributed.rank() > 0:
        return outcome, clock.seconds
    with atomic_folder(work / "result") as result:
        if status != "diverged":
            save_generator(model.exported(), description, result)
            if isinstance(model, ReconstructionMethod):
                _save_reconstructions(model, dataset, description.range, device, result)
        rows = history.rows(course.images_a_step, course.steps_an_epoch)
        write_csv(result / "history.csv", (*INDEX, *history.columns), rows)
        write_csv(result / "epochs.csv", ("epoch", *history.columns, *MEASURES), epochs)
        write_text(result / "status.json", json.dumps(asdict(outcome), indent=2) + "\n")
        study.write(result)
        for pictures in (work / PROGRESS, work / PANELS):
            if pictures.exists():
                shutil.copytree(pictures, result / pictures.name)
    return outcome, clock.seconds


def _learn(
    training: Training,
    method: Method,
    batches: Batches,
    dataset: Dataset,
    watched: "FixedNoise",
    study: PerClassLog,
    checkpoint: Checkpoint,
    observer: Callback,
    clock: Clock,
) -> TrainingLog:
    """The loop: all epochs, or as many as pass without a failure that ends them; pictures beside the checkpoint."""
    course = TrainingLog(images_a_step=batches.batch_size, steps_an_epoch=len(batches))
    history, epochs, place = course.history, course.epochs, Position()
    work, device = checkpoint.path.parent, watched.noise.device
    leads = distributed.rank() == 0  # it alone makes pictures and checkpoints, and decides

    # Take up where an earlier attempt was stopped.
    if restored := checkpoint.restore(device):
        place, state = restored
        method.load(state["method"])
        history.load(state["history"])
        epochs += state["epochs"]
        study.rows = state["classes"]
        clock.earlier = state["seconds"]
    observer.start(len(history) * batches.batch_size, training.epochs * len(batches) * batches.batch_size)

    for epoch in range(place.epoch, training.epochs):
        first_step = epoch * len(batches)
        index = place.index if epoch == place.epoch else 0
        # Asked here and not when an epoch ends, so that a run resumed between two epochs stops just the same.
        if training.stop_early and index == 0 and epoch > 0:
            failed = leads and _failure(watched.pixels(method), epochs, dataset)[0] != "ok"
            if distributed.broadcast_decision(failed, device):
                break
        for images, labels in batches.epoch(epoch, index):
            distributed.seed_this_rank(training.seed, len(history))
            history.append(distributed.all_reduce_mean(method.step(images, labels)))
            observer.step(batches.batch_size)
            index += 1

            # A lost training is told at once instead of running to its end. All processes see it: their weights and
            # the means of their losses are equal.
            if len(history) % health.CHECK_EVERY == 0:
                course.problem = _divergence(history, method)
                if course.problem:
                    break
            if leads and checkpoint.due():
                checkpoint.save(Position(epoch, index), _state(method, history, epochs, study, clock))
        course.problem = course.problem or _divergence(history, method)
        if course.problem:
            break

        if not leads:
            continue

        # Pictures from the same noise, and what can be measured on them.
        pixels = watched.pixels(method)
        save_grid(pixels, work / PROGRESS / f"epoch-{epoch + 1:04}.png", _COLUMNS)
        epochs.append({"epoch": epoch + 1, **history.means(first_step), **measured(pixels)})
        study.epoch(epoch + 1, epoch + 1 == training.epochs, work / PANELS)
        observer.epoch(history.rows(batches.batch_size, len(batches)), epochs)
        checkpoint.save(Position(epoch + 1, 0), _state(method, history, epochs, study, clock))
    return course


class FixedNoise:
    """Noise, and labels where a generator is told classes, that stay the same from epoch to epoch."""

    def __init__(self, description: Description, seed: int, device: torch.device) -> None:
        random = torch.Generator().manual_seed(_SAMPLE_SEED + seed)
        self.noise = torch.randn(FIXED_NOISE, description.latent, generator=random).to(device)
        labels = balanced_labels(FIXED_NOISE, description.classes)
        self.labels = None if labels is None else torch.from_numpy(labels).to(device)
        self._range = description.range

    def pixels(self, model: Model) -> NDArray[np.uint8]:
        """What the model makes of it by now, uint8 FIXED_NOISE,C,H,W."""
        return to_pixels(eval_forward(model.exported(), self.noise, self.labels), self._range)


def _state(
    method: Method, history: History, epochs: list[dict[str, float | int]], study: PerClassLog, clock: Clock
) -> dict[str, object]:
    return {
        "method": method.state(),
        "history": history.state(),
        "epochs": epochs,
        "classes": study.rows,
        "seconds": clock.seconds,
    }


def _divergence(history: History, method: Method) -> str:
    recent = history.values(max(0, len(history) - health.CHECK_EVERY))
    return health.diverged_losses(recent, history.columns) or health.diverged_weights(method.networks())


def _failure(generated: NDArray[np.uint8], epochs: Sequence[Row], dataset: Dataset) -> tuple[Status, str]:
    """The failure that the last images and the last epoch show, with its reason, or ("ok", "")."""
    if reason := health.collapsed(generated, dataset.train.images[:FIXED_NOISE]):
        return "collapsed", reason
    if epochs and (reason := health.saturated(epochs[-1])):
        return "saturated", reason
    return "ok", ""


def _save_reconstructions(
    method: ReconstructionMethod, dataset: Dataset, value_range: ValueRange, device: torch.device, folder: Path
) -> None:
    """Rows of held-out images, each above what the model makes of them."""
    shown = Split(dataset.heldout.images[: FIXED_NOISE // 2], None)
    images, _ = next(Batches(shown, FIXED_NOISE // 2, 0, value_range, device=device).epoch(0))
    rows = [part.view(-1, _COLUMNS, *images.shape[1:]) for part in (images, method.reconstruct(images))]
    pairs = torch.stack(rows, dim=1).flatten(0, 2)
    save_grid(to_pixels(pairs, value_range), folder / "reconstructions.png", _COLUMNS)
