"""Checks that an extractor must pass before its features may decide.

An extractor that learnt nothing can still give small distances, and prefer noise to good images. So its predictions
must be better than chance, and its distance must grow as real images are degraded.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from scipy.ndimage import gaussian_filter
from torch import Tensor

from ganpipe.common.random_streams import numpy_stream
from ganpipe.metrics.kernel import kernel_distance, mean_kernel

Images = NDArray[np.uint8]
Extractor = Callable[[Images], Tensor]
"""Images (N,C,H,W) -> features (N, d)."""

CONFIDENCE = 0.95
LEAST_HELDOUT = 20
_GROUPS = 10
_MOST_REAL = 2000
_MOST_HELDOUT = 1000
_NOISE = {"25 % noise": 0.25, "50 % noise": 0.5}
_BLUR = {"slight blur": 1 / 28, "strong blur": 2 / 28}  # standard deviation, in widths of the image
_ORDERS = (("real", *_NOISE, "noise"), ("real", *_BLUR, "noise"))


@dataclass(frozen=True)
class Checks:
    """What was found.

    distances: kernel distance of held-out images to training images, as they are and degraded. problems: the checks
    that failed, one clause each. chance: accuracy of the best constant prediction; accuracy_bound: lower confidence
    bound of the accuracy on held-out images; both None for an extractor that predicts nothing.
    """

    distances: dict[str, float]
    problems: tuple[str, ...]
    chance: float | None = None
    accuracy_bound: float | None = None

    def objection(self, extractor: str) -> str:
        """Return why the features of an extractor must not decide; empty if they may."""
        return f"{extractor} failed its checks: {'; '.join(self.problems)}" if self.problems else ""


def read_checks(record: Mapping[str, Any]) -> Checks:
    """Return the checks of a JSON record."""
    return Checks(**{**record, "problems": tuple(record["problems"])})


def check_accuracy(checks: Checks, accuracy: float, chance: float, heldout: int) -> Checks:
    """Add the check of an accuracy on so many held-out images to those of the distance.

    Its lower bound (Clopper and Pearson 1934) must exceed `chance`.
    """
    correct = round(accuracy * heldout)
    bound = float(stats.beta.ppf(1 - CONFIDENCE, correct, heldout - correct + 1)) if correct else 0.0
    words = f"{100 * accuracy:.1f} % on held-out images is not distinctly above chance, {100 * chance:.1f} %"
    problems = () if bound > chance else (f"its accuracy of {words}",)
    return replace(checks, problems=(*problems, *checks.problems), chance=chance, accuracy_bound=bound)


def check_distance(extract: Extractor, train: Images, heldout: Images, seed: int) -> Checks:
    """Check whether the kernel distance of held-out images grows as they are degraded.

    The distances are measured in ten groups of held-out images; each step of `real < 25 % noise < 50 % noise < noise`,
    and of the same with blur, must be larger than zero by a one-sided t-test over the groups. At most 1,000 held-out
    and 2,000 training images are used.
    """
    if len(heldout) < LEAST_HELDOUT:
        return Checks({}, (f"only {len(heldout)} images are held out, and {LEAST_HELDOUT} are needed to check it",))
    random = numpy_stream(seed, "extractor_checks")
    distances = _distances(extract, _some(train, _MOST_REAL, random), _some(heldout, _MOST_HELDOUT, random), random)
    problems = tuple(
        f"its distance does not grow from {better} to {worse}"
        for better, worse in (step for order in _ORDERS for step in pairwise(order))
        if not _distinctly_larger(distances[worse] - distances[better])
    )
    return Checks({name: float(values.mean()) for name, values in distances.items()}, problems)


def _some(images: Images, most: int, random: np.random.Generator) -> Images:
    return images[np.sort(random.choice(len(images), min(most, len(images)), replace=False))]


def _distances(
    extract: Extractor, train: Images, heldout: Images, random: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """Return the kernel distance of each group of held-out images, by degradation."""
    real = extract(train)
    within = mean_kernel(real)
    groups = np.array_split(random.permutation(len(heldout)), _GROUPS)
    found = {}
    for name, images in _degraded(heldout, random):
        features = extract(images)
        found[name] = np.array([kernel_distance(real, features[torch.from_numpy(rows)], within) for rows in groups])
    return found


def _degraded(images: Images, random: np.random.Generator) -> Iterator[tuple[str, Images]]:
    """Yield the images as they are and degraded; noise is uniform over all byte values."""
    noise = random.integers(256, size=images.shape, dtype=np.uint8)
    yield "real", images
    yield "noise", noise
    for name, share in _NOISE.items():
        yield name, np.rint((1 - share) * images + share * noise).astype(np.uint8)
    for name, width in _BLUR.items():
        deviation = width * images.shape[-1]
        yield name, gaussian_filter(images, (0, 0, deviation, deviation))


def _distinctly_larger(differences: NDArray[np.float64]) -> bool:
    """Return whether the mean is larger than zero by a one-sided t-test."""
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return bool(differences.mean() > stats.t.ppf(CONFIDENCE, len(differences) - 1) * error)


def largest_share(labels: Sequence[int] | NDArray[np.int64]) -> float:
    """Return the share of the most frequent label: the accuracy of the best constant prediction."""
    return float(np.bincount(labels).max() / len(labels))
