"""Kernel distance between two sets of features."""

import torch
from torch import Tensor

_BLOCK = 512  # a square block of kernel values stays in the cache


def kernel_distance(first: Tensor, second: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy of rows (n, d) and (m, d) under k(x, y) = (x'y / d + 1)^3.

    Source: Binkowski et al., Demystifying MMD GANs, 2018, section 4 (kernel) and eq. 4 (estimator). Theirs is the mean
    over random subsets to save memory; this one takes all rows in blocks, which has the same expectation, a smaller
    variance and no seed. Being unbiased, it may fall a little below 0. Raises ValueError for fewer than 2 rows.
    """
    for rows in (first, second):
        if len(rows) < 2:
            raise ValueError(f"a kernel distance needs at least 2 images, got {len(rows)}")
        if not torch.isfinite(rows).all():
            raise ValueError("features hold values that are not finite")
    return _mean_within(first) + _mean_within(second) - 2 * _sum_between(first, second) / (len(first) * len(second))


def _mean_within(rows: Tensor) -> float:
    """Over all pairs of two different rows, each pair computed once."""
    total = 0.0
    for start in range(0, len(rows), _BLOCK):
        block, later = rows[start : start + _BLOCK], rows[start + _BLOCK :]
        itself = float((block.double().square().sum(1) / rows.shape[1] + 1).pow(3).sum())
        total += _sum_between(block, block) - itself + 2 * _sum_between(block, later)
    return total / (len(rows) * (len(rows) - 1))


def _sum_between(first: Tensor, second: Tensor) -> float:
    total = 0.0
    rows, columns = first.double() / first.shape[1], second.double()
    for block in torch.split(rows, _BLOCK):
        for other in torch.split(columns, _BLOCK):
            kernel = (block @ other.T).add_(1)
            total += float((kernel * kernel).mul_(kernel).sum())
    return total
