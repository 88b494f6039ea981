"""Data copying: whether samples reproduce training images.

Distances are compared with the spacing of the training images at the same place, and thresholds are calibrated on
held-out images, which cannot be copies. So neither smooth samples nor dense regions of the data count as copies.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import betaincinv
from torch import Tensor

from ganpipe.metrics.manifold import squared_distances

NEIGHBOURS = 5
"""Neighbours that define the spacing of the training images: up to five equal ones do not make it zero."""

MIN_HELDOUT = 20
"""Held-out images below which no threshold can be calibrated."""

LIMIT = 0.02
"""Share of near-duplicates, beyond that of held-out images, above which a run counts as copied."""

_CLOSE = 1 / 3  # of the median of held-out images
_SIDE = 16  # pixels to which images are averaged
_MAX_PIXELS = 4_000_000  # averaged at once: 16 MB, whatever the size of the images
_MIN_CELL = 20  # images of both kinds that a cell of C_T needs
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Nearest:
    """The training row nearest to each of n queries.

    indices (n,). distances (n,): to that row. own_distances (n,): from that row to its own nearest training row.
    spacing (n,): from that row to its fifth nearest.
    """

    indices: Tensor
    distances: Tensor
    own_distances: Tensor
    spacing: Tensor

    @property
    def relative(self) -> Tensor:
        """Distances in units of the spacing of the training rows at the same place, (n,)."""
        return self.distances / self.spacing.clamp(min=torch.finfo(self.spacing.dtype).tiny)


@dataclass(frozen=True)
class CopyReference:
    """What copies are compared with.

    features (M, d): the judge's, of all training images. pixel_threshold, feature_threshold: relative distances up to
    which a sample is a near-duplicate. distances (h,), cells (h,): of held-out images in the feature space, for C_T.
    """

    features: Tensor
    pixel_threshold: float
    feature_threshold: float
    distances: Tensor
    cells: Tensor


@dataclass(frozen=True)
class CopyStatistics:
    """Copying in a set of samples: see the functions of the same names."""

    near_duplicates: float
    authenticity: float
    c_t: float


def average_pixels(images: NDArray[np.uint8]) -> Tensor:
    """Return images (N,C,H,W) averaged to at most 16 x 16 pixels, as float32 rows (N, d)."""
    count, channels, height, width = images.shape
    factor = -(-width // _SIDE)
    rows = torch.empty(count, channels * -(-height // factor) * -(-width // factor))  # not in parts: see `extract`
    size = max(_MAX_PIXELS // (channels * height * width), 1)
    for start in range(0, count, size):
        block = torch.from_numpy(np.array(images[start : start + size])).float()
        rows[start : start + size] = F.avg_pool2d(block, factor, ceil_mode=True).flatten(1)
    return rows


def find_nearest(queries: Tensor, training: Tensor) -> Nearest:
    """Find the training row (M, d), M > NEIGHBOURS, nearest to each query (n, d)."""
    distances, indices = _smallest(queries, training, 1)
    found, positions = torch.unique(indices[:, 0], return_inverse=True)
    own, _ = _smallest(training[found], training, NEIGHBOURS, exclude=found)
    own = own[positions]
    return Nearest(indices[:, 0], distances[:, 0], own[:, 0], own[:, -1])


def threshold(heldout: Nearest) -> float:
    """Return the relative distance up to which a sample is a near-duplicate: a third of held-out images' median."""
    return float(heldout.relative.median()) * _CLOSE


def authenticity(samples: Nearest) -> float:
    """Return AuthPct as a share: samples whose nearest training row has a nearer training row than the sample.

    Source: Alaa et al., How faithful is your synthetic data?, 2022, section 4.
    """
    return float((samples.own_distances < samples.distances).double().mean())


def c_t(heldout: Tensor, heldout_cells: Tensor, samples: Tensor, sample_cells: Tensor) -> float:
    """Return C_T, a z-score: below -3, samples are nearer to training images than held-out images are.

    heldout (n,), samples (m,): distances to the nearest training image. cells: the part of the space that each image
    belongs to. The standardised Mann-Whitney statistic of both sets is averaged over the cells that have enough images
    of both, weighted by their held-out images. Zero if no cell has.
    Source: Meehan, Chaudhuri and Dasgupta, A non-parametric test to detect data-copying in generative models, 2020,
    section 3.
    """
    total, weight = 0.0, 0
    for cell in torch.unique(heldout_cells):
        real, fake = heldout[heldout_cells == cell], samples[sample_cells == cell]
        if min(len(real), len(fake)) >= _MIN_CELL:
            total += len(real) * _mann_whitney_z(real, fake)
            weight += len(real)
    return total / weight if weight else 0.0


def copied_reason(share: float, count: int, heldout_share: float) -> str:
    """Return why `count` samples with this share of near-duplicates count as copied; empty if they do not.

    The lower confidence bound of the share (Clopper and Pearson, 1934) must exceed that of held-out images by LIMIT.
    """
    copies = round(share * count)
    lower = float(betaincinv(copies, count - copies + 1, 1 - _CONFIDENCE)) if copies else 0.0
    if lower <= heldout_share + LIMIT:
        return ""
    return (
        f"{copies} of {count} samples are near-duplicates of training images ({share:.1%}; held-out images: "
        f"{heldout_share:.1%})"
    )


def _mann_whitney_z(real: Tensor, fake: Tensor) -> float:
    ordered = real.sort().values
    below = torch.searchsorted(ordered, fake) + torch.searchsorted(ordered, fake, right=True)
    n, m = len(real), len(fake)
    return (float(below.double().sum()) / 2 - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


def _smallest(queries: Tensor, rows: Tensor, count: int, exclude: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Distances and indices (n, count) of the rows nearest to each query; exclude (n,): one row per query to skip."""
    distances = queries.new_empty(len(queries), count)
    indices = torch.empty(len(queries), count, dtype=torch.int64)
    for block, squared in squared_distances(queries, rows):
        if exclude is not None:
            squared.scatter_(1, exclude[block, None], torch.inf)
        distances[block], indices[block] = (
            squared.topk(count, dim=1, largest=False) if count > 1 else squared.min(1, keepdim=True)
        )
    return distances.sqrt(), indices
