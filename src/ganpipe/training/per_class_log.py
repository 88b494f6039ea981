"""What a training of each class apart records of the classes: their curves, and panels of real beside generated."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.common.image_grid import save_png, tile
from ganpipe.data.dataset import Dataset
from ganpipe.methods.common.protocol import Model, PerClassMethod
from ganpipe.methods.common.train_state import eval_forward
from ganpipe.sampling.generator import to_pixels
from ganpipe.training.history import write_csv
from ganpipe.training.sample_metrics import MEASURES, measured

IMAGES = 64
"""Images of each class that are drawn from the same noise and measured after every epoch."""
REAL = 500
"""Training images of each class, at most, that are measured for comparison."""
SMOOTHING = 0.3
"""Weight of an epoch's loss in the smoothed one."""

COLUMNS = ("epoch", "class", "loss_d", "loss_g", "smoothed_loss_g", "quality", *MEASURES)

_SEED = 30_000
_SHOWN = 8
_GUTTER = 6
_SCALE = 2

Row = Mapping[str, float | int | str]


class PerClassLog:
    """The digit-wise study of document 001, for any classes; of a method that is not `ByClass` it records nothing.

    classes.csv has a row for every epoch and class: the mean losses, the generator's loss smoothed exponentially, the
    quality indicator, and what is measured on images from the same noise. The indicator is exp(-excess), where excess
    is how far the smoothed loss of the generator lies above the loss that it would have if the discriminator could
    not tell real from generated: 1 is a fair game, and near 0 the discriminator wins. (The document asks for an
    indicator from the smoothed loss and gives no formula.) With cross-entropy it is twice the probability of being
    real that the discriminator gives to generated images, at most 1. For a Wasserstein loss, which has no scale, it
    means little.

    real_classes.csv has the same measures of real images of each class.
    """

    def __init__(self, method: Model, dataset: Dataset, seed: int, device: torch.device) -> None:
        self.rows: list[Row] = []
        self._method = method
        self._names: Sequence[str] = dataset.classes if isinstance(method, PerClassMethod) else ()
        random = torch.Generator().manual_seed(_SEED + seed)
        self._noise = torch.randn(IMAGES, method.description().latent, generator=random).to(device)
        self._real = [_first(dataset, label) for label in range(len(self._names))]

    def epoch(self, epoch: int, last: bool, panels: Path) -> None:
        """Take up an epoch, counted from 1, and draw its panel where one is due."""
        method = self._method
        if not isinstance(method, PerClassMethod):
            return
        losses = method.class_losses()
        before = self.rows[-len(self._names) :]
        generated = [self._generated(label) for label in range(len(self._names))]
        for label, name in enumerate(self._names):
            loss = losses["loss_g"][label]
            smoothed = loss
            if before:
                smoothed = (1 - SMOOTHING) * float(before[label]["smoothed_loss_g"]) + SMOOTHING * loss
            self.rows.append(
                {
                    "epoch": epoch,
                    "class": name,
                    "loss_d": losses["loss_d"][label],
                    "loss_g": loss,
                    "smoothed_loss_g": smoothed,
                    "quality": math.exp(min(method.even_loss - smoothed, 0.0)),
                    **measured(generated[label]),
                }
            )
        if last or epoch % method.panel_every == 0:
            self._draw(generated, panels / f"epoch-{epoch:04}.png")

    def write(self, folder: Path) -> None:
        """Write both tables, where there is anything to tell."""
        if self._names:
            write_csv(folder / "classes.csv", COLUMNS, self.rows)
            real: list[Row] = [
                {"class": name, **measured(images)} for name, images in zip(self._names, self._real, strict=True)
            ]
            write_csv(folder / "real_classes.csv", ("class", *MEASURES), real)

    def _generated(self, label: int) -> NDArray[np.uint8]:
        labels = torch.full((IMAGES,), label, device=self._noise.device)
        return to_pixels(eval_forward(self._method.exported(), self._noise, labels), self._method.description().range)

    def _draw(self, generated: Sequence[NDArray[np.uint8]], path: Path) -> None:
        """A row for each class: real images on the left, generated ones on the right."""
        halves = [
            tile(np.concatenate([np.resize(images[:_SHOWN], (_SHOWN, *images.shape[1:])) for images in side]), _SHOWN)
            for side in (self._real, generated)
        ]
        gutter = np.full((len(halves[0]), _GUTTER, halves[0].shape[-1]), 255, dtype=np.uint8)
        save_png(np.concatenate([halves[0], gutter, halves[1]], axis=1), path, _SCALE)


def _first(dataset: Dataset, label: int) -> NDArray[np.uint8]:
    assert dataset.train.labels is not None
    return dataset.train.images[np.flatnonzero(dataset.train.labels == label)[:REAL]]
