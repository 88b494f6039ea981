"""Metrics of a few images next to those of real ones, and the classes that the judge predicts for them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ganpipe.data.dataset import Dataset
from ganpipe.metrics import pixels
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.judge import Judge

MAX_REAL_IMAGES = 2000
"""Real images in the comparison, at most: more would change only the third digit and take seconds."""

_METRICS: dict[str, tuple[Callable[[NDArray[np.uint8]], float], int]] = {
    "sharpness": (pixels.sharpness, 1),
    "contrast": (pixels.contrast, 1),
    "diversity": (pixels.diversity, 2),
}
"""Name -> the metric (docs/metrics.md) and the smallest number of images that it needs."""


@dataclass(frozen=True)
class SampleMetric:
    """One metric of the images; `real` is its value for held-out images of the same class."""

    name: str
    value: float
    real: float

    @property
    def ratio(self) -> float:
        """Value over that of real images; infinite if the latter is zero."""
        return self.value / self.real if self.real else float("inf")


@dataclass(frozen=True)
class ClassPrediction:
    """The judge's predictions: for every image the class name and the confidence in [0, 1]."""

    names: tuple[str, ...]
    confidences: tuple[float, ...]

    def share(self, name: str) -> float:
        """Return the share of images with this predicted class."""
        return self.names.count(name) / len(self.names)

    @property
    def counts(self) -> list[tuple[str, int]]:
        """Predicted classes and their numbers of images, the most frequent first."""
        return sorted(Counter(self.names).items(), key=lambda pair: (-pair[1], pair[0]))

    @property
    def mean_confidence(self) -> float:
        """Mean confidence over the images."""
        return sum(self.confidences) / len(self.confidences)


def sample_metrics(images: NDArray[np.uint8], dataset: Dataset, label: int | None) -> list[SampleMetric]:
    """Return sharpness, contrast and diversity of images (N,C,H,W) and of real ones, of one class if a label is given.

    A metric that needs more images than there are, generated or real, is left out.
    """
    real = _real_images(dataset, label)
    return [
        SampleMetric(name, compute(images), compute(real))
        for name, (compute, fewest) in _METRICS.items()
        if min(len(images), len(real)) >= fewest
    ]


def classify(images: NDArray[np.uint8], judge: Judge, classes: tuple[str, ...]) -> ClassPrediction | None:
    """Predict the classes of images (N,C,H,W); None if the judge was trained without class labels."""
    if judge.task != "classes":
        return None
    _, logits = extract(judge, images)
    confidences, labels = logits.softmax(1).max(1)
    return ClassPrediction(tuple(classes[label] for label in labels.tolist()), tuple(confidences.tolist()))


def _real_images(dataset: Dataset, label: int | None) -> NDArray[np.uint8]:
    images, labels = dataset.heldout
    indices = np.arange(len(images)) if label is None or labels is None else np.flatnonzero(labels == label)
    if len(indices) > MAX_REAL_IMAGES:
        indices = np.sort(np.random.default_rng(0).choice(indices, MAX_REAL_IMAGES, replace=False))
    return np.asarray(images[indices])
