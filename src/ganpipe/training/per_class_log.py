"""Per-class results of the method `per_class`: curves of each class, and panels of real and generated images."""

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.common.fixed_sample import spread_indices
from ganpipe.common.image_grid import save_png, tile
from ganpipe.common.random_streams import torch_stream
from ganpipe.data.dataset import Dataset
from ganpipe.methods.common.protocol import Model, PerClassMethod
from ganpipe.methods.common.train_state import eval_forward
from ganpipe.sampling.generator import to_pixels
from ganpipe.training.sample_metrics import SAMPLE_METRICS, sample_metrics
from ganpipe.training.table import TABLES, Table, write_csv

PANELS = "panels"
"""Folder of the panels, in the working folder and in the result."""
GENERATED = 64
"""Images of each class that are generated from the same noise and measured after every epoch."""
REAL = 500
"""Training images of each class, at most, that are measured for comparison."""
SMOOTHING = 0.3
"""Weight of an epoch's loss in the exponentially smoothed loss."""
COLUMNS = ("epoch", "class", "loss_d", "loss_g", "smoothed_loss_g", "quality", *SAMPLE_METRICS)

_SHOWN = 8
_GUTTER = 6
_SCALE = 2


class PerClassLog:
    """The digit-wise study of document 001, for any classes; other methods than `PerClassMethod` record nothing.

    classes.csv has a row for every epoch and class: the mean losses, the exponentially smoothed loss of the generator,
    a quality indicator, and metrics of images generated from the same noise. The indicator is exp(-excess), where
    excess is the smoothed generator loss minus the loss if the discriminator could not distinguish real from generated
    images: 1 is a balanced game, and near 0 the discriminator wins. (The document asks for an indicator based on the
    smoothed loss and gives no formula.) With cross-entropy it is twice the probability of being real that the
    discriminator assigns to generated images, at most 1. For a Wasserstein loss, which has no scale, it means little.

    real_classes.csv has the same metrics of real images of each class.
    """

    def __init__(self, method: Model, dataset: Dataset, seed: int, device: torch.device, folder: Path) -> None:
        self._method = method
        self._names: Sequence[str] = dataset.classes if isinstance(method, PerClassMethod) else ()
        random = torch_stream(seed, "class_noise")
        self._noise = torch.randn(GENERATED, method.description().latent, generator=random).to(device)
        self._real = [_real_images(dataset, label) for label in range(len(self._names))]
        self._panels = folder / PANELS
        self._table = Table(folder / TABLES, "classes", "<f8")
        self._table.columns = COLUMNS

    def append(self, epoch: int) -> None:
        """Record an epoch, counted from 1, and draw a panel every `panel_every` epochs."""
        method = self._method
        if not isinstance(method, PerClassMethod):
            return
        losses = method.class_losses()
        previous = self._table.read(len(self._table) - len(self._names)) if len(self._table) else None
        generated = [self._generate(label) for label in range(len(self._names))]
        rows = []
        for label, images in enumerate(generated):
            loss = losses["loss_g"][label]
            smoothed = loss
            if previous is not None:
                before = float(previous[label, COLUMNS.index("smoothed_loss_g")])
                smoothed = (1 - SMOOTHING) * before + SMOOTHING * loss
            quality = math.exp(min(method.equilibrium_loss - smoothed, 0.0))
            rows.append(
                [epoch, label, losses["loss_d"][label], loss, smoothed, quality, *sample_metrics(images).values()]
            )
        self._table.append(np.array(rows))
        if epoch % method.panel_every == 0:
            self._draw(generated, self._panels / _panel_name(epoch))

    def write(self, folder: Path, diverged: bool) -> None:
        """Write both tables and all panels, if the method trains each class separately.

        The panel of the last epoch is drawn here, so that the working folder does not depend on which epoch is the
        last: a longer training may continue from it.
        """
        if self._panels.exists():
            shutil.copytree(self._panels, folder / PANELS)
        if self._names:
            epochs = len(self._table) // len(self._names)
            last = folder / PANELS / _panel_name(epochs)
            if epochs and not diverged and not last.exists():
                self._draw([self._generate(label) for label in range(len(self._names))], last)
            write_csv(folder / "classes.csv", COLUMNS, self._records())
            real: list[list[float | str]] = [
                [name, *sample_metrics(images).values()] for name, images in zip(self._names, self._real, strict=True)
            ]
            write_csv(folder / "real_classes.csv", ("class", *SAMPLE_METRICS), real)

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs; the rows are on disk when it returns."""
        self._table.sync()
        return {"rows": len(self._table)}

    def load_state_dict(self, state: Mapping[str, Any] | None) -> None:
        """Continue from a state, or from no rows. Raises ValueError if rows are missing on disk."""
        self._table.restore(COLUMNS, state["rows"] if state else 0)

    def _records(self) -> Iterator[list[float | int | str]]:
        for start in range(0, len(self._table), len(self._names)):
            for epoch, label, *values in self._table.read(start, start + len(self._names)).tolist():
                yield [int(epoch), self._names[int(label)], *values]

    def _generate(self, label: int) -> NDArray[np.uint8]:
        labels = torch.full((GENERATED,), label, device=self._noise.device)
        return to_pixels(
            eval_forward(self._method.image_generator(), self._noise, labels), self._method.description().range
        )

    def _draw(self, generated: Sequence[NDArray[np.uint8]], path: Path) -> None:
        """Draw a row for each class: real images on the left, generated images on the right."""
        halves = [
            tile(np.concatenate([np.resize(images[:_SHOWN], (_SHOWN, *images.shape[1:])) for images in side]), _SHOWN)
            for side in (self._real, generated)
        ]
        gutter = np.full((len(halves[0]), _GUTTER, halves[0].shape[-1]), 255, dtype=np.uint8)
        save_png(np.concatenate([halves[0], gutter, halves[1]], axis=1), path, _SCALE)


def _panel_name(epoch: int) -> str:
    return f"epoch-{epoch:04}.png"


def _real_images(dataset: Dataset, label: int) -> NDArray[np.uint8]:
    assert dataset.train.labels is not None
    members = np.flatnonzero(dataset.train.labels == label)
    return dataset.train.images[members[spread_indices(len(members), REAL)]]
