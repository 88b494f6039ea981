"""What is said of a few images: their pixels beside those of real images, and what the judge reads in them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganpipe.data.dataset import Dataset
from ganpipe.metrics import pixels
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.judge import Judge

MOST_REAL = 2000
"""Real images that a few samples are compared with, at most: more would move the third digit and take seconds."""

_MEASURES: dict[str, tuple[Callable[[NDArray[np.uint8]], float], int]] = {
    "sharpness": (pixels.sharpness, 1),
    "contrast": (pixels.contrast, 1),
    "diversity": (pixels.diversity, 2),
}
"""Name -> the metric of the report (docs/metrics.md) and the fewest images that it needs."""


@dataclass(frozen=True)
class Measure:
    """One number of the images; `real` is the same number of held-out images of what was asked for."""

    name: str
    value: float
    real: float

    @property
    def ratio(self) -> float:
        """1 for images like real ones; infinite where the real images have none of it."""
        return self.value / self.real if self.real else float("inf")


@dataclass(frozen=True)
class Reading:
    """What the judge reads: for every image the class (N,) by its name, and how sure it is (N,), in [0, 1]."""

    names: tuple[str, ...]
    sure: tuple[float, ...]

    def share(self, name: str) -> float:
        """Share of the images that are read as this class."""
        return self.names.count(name) / len(self.names)

    @property
    def counts(self) -> list[tuple[str, int]]:
        """Classes and how many images are read as each, most frequent first."""
        return sorted(Counter(self.names).items(), key=lambda pair: (-pair[1], pair[0]))

    @property
    def confidence(self) -> float:
        """Mean of how sure the judge is."""
        return sum(self.sure) / len(self.sure)


def measure(images: NDArray[np.uint8], dataset: Dataset, label: int | None) -> list[Measure]:
    """Sharpness, contrast and diversity of images (N,C,H,W) beside real ones, of one class if a label is given.

    A measure that needs more images, or more real ones, than there are is left out.
    """
    real = _real(dataset, label)
    return [
        Measure(name, compute(images), compute(real))
        for name, (compute, fewest) in _MEASURES.items()
        if min(len(images), len(real)) >= fewest
    ]


def read(images: NDArray[np.uint8], judge: Judge, classes: tuple[str, ...]) -> Reading | None:
    """What the judge reads in images (N,C,H,W); None where it has learnt no classes."""
    if judge.task != "classes":
        return None
    _, logits = extract(judge, images)
    sure, found = logits.softmax(1).max(1)
    return Reading(tuple(classes[number] for number in found.tolist()), tuple(sure.tolist()))


def _real(dataset: Dataset, label: int | None) -> NDArray[np.uint8]:
    images, labels = dataset.heldout
    places = np.arange(len(images)) if label is None or labels is None else np.flatnonzero(labels == label)
    if len(places) > MOST_REAL:
        places = np.sort(np.random.default_rng(0).choice(places, MOST_REAL, replace=False))
    return np.asarray(images[places])
