"""Kernel distances between two sets of features."""

import torch
from torch import Tensor

from ganpipe.metrics.manifold import squared_distances

_BLOCK = 512  # a square block of kernel values stays in the cache
_MEDIAN_ROWS = 2000


def kernel_distance(first: Tensor, second: Tensor, within_first: float | None = None) -> float:
    """Return the unbiased squared maximum mean discrepancy of rows (n, d) and (m, d) under k(x, y) = (x'y / d + 1)^3.

    Source: Binkowski et al., Demystifying MMD GANs, 2018, section 4 (kernel) and eq. 4 (estimator). They average over
    random subsets to save memory; this uses all rows in blocks, which has the same expectation, a smaller variance and
    no seed. As it is unbiased, it may be slightly negative. `within_first`: the mean kernel of the first set, if it is
    already known. Raises ValueError as `mean_kernel` does.
    """
    within_first = mean_kernel(first) if within_first is None else within_first
    return within_first + mean_kernel(second) - 2 * _sum_between(first, second) / (len(first) * len(second))


def mean_kernel(rows: Tensor) -> float:
    """Return the mean of k over all pairs of different rows (n, d); each pair is computed once.

    Raises ValueError for fewer than 2 rows, and for values that are not finite.
    """
    if len(rows) < 2:
        raise ValueError(f"a kernel distance needs at least 2 images, got {len(rows)}")
    if not torch.isfinite(rows).all():
        raise ValueError("features contain values that are not finite")
    total = 0.0
    for start in range(0, len(rows), _BLOCK):
        block, later = rows[start : start + _BLOCK], rows[start + _BLOCK :]
        diagonal = float((block.double().square().sum(1) / rows.shape[1] + 1).pow(3).sum())
        total += _sum_between(block, block) - diagonal + 2 * _sum_between(block, later)
    return total / (len(rows) * (len(rows) - 1))


def _sum_between(first: Tensor, second: Tensor) -> float:
    total = 0.0
    rows, columns = first.double() / first.shape[1], second.double()
    for block in torch.split(rows, _BLOCK):
        for other in torch.split(columns, _BLOCK):
            kernel = (block @ other.T).add_(1)
            total += float((kernel * kernel).mul_(kernel).sum())
    return total


def rbf_distance(first: Tensor, second: Tensor, bandwidth: float) -> float:
    """Return the unbiased squared maximum mean discrepancy under k(x, y) = exp(-|x - y|² / (2 bandwidth²)).

    Source: Jayasumana et al., Rethinking FID: towards a better evaluation metric for image generation, 2024, eq. 4, the
    estimator of CMMD. Being unbiased, it may be slightly negative. Raises ValueError for fewer than 2 rows, and for
    values that are not finite.
    """
    for rows in (first, second):
        if len(rows) < 2:
            raise ValueError(f"a kernel distance needs at least 2 images, got {len(rows)}")
        if not torch.isfinite(rows).all():
            raise ValueError("features contain values that are not finite")
    means = [
        (_sum_of_rbf(rows, rows, bandwidth) - len(rows)) / (len(rows) * (len(rows) - 1)) for rows in (first, second)
    ]
    return sum(means) - 2 * _sum_of_rbf(first, second, bandwidth) / (len(first) * len(second))


def median_distance(rows: Tensor) -> float:
    """Return the median distance of different rows (n, d), at most 2,000 of them, evenly spaced: a usual bandwidth.

    Source: Gretton et al., A kernel two-sample test, 2012, section 8.
    """
    some = rows[:: -(-len(rows) // _MEDIAN_ROWS)].double()
    return float(torch.pdist(some).median())


def _sum_of_rbf(first: Tensor, second: Tensor, bandwidth: float) -> float:
    blocks = squared_distances(first.double(), second.double())
    return sum(float(distances.mul_(-0.5 / bandwidth**2).exp_().sum()) for _, distances in blocks)
