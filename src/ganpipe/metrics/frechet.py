"""Fréchet distance between normal distributions fitted to features."""

import torch
from torch import Tensor

from ganpipe.metrics.statistics import Gaussian


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """d² = |m1 - m2|² + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2), at least 0 and exactly real.

    Source: Dowson and Landau, The Fréchet distance between multivariate normal distributions, 1982, eq. 16; used on
    network features by Heusel et al., GANs trained by a two time-scale update rule, 2017, eq. 6.

    With C1 = A'A and C2 = B'B, the trace of the root is the sum of the singular values of A B' (its square is similar
    to the product of the covariances), so no general matrix root is taken. Raises ValueError when the widths differ.
    """
    if first.mean.shape != second.mean.shape:
        raise ValueError(f"features differ in width: {len(first.mean)} and {len(second.mean)}")
    apart = (first.mean - second.mean).square().sum()
    spread = first.factor.square().sum() + second.factor.square().sum()
    return max(float(apart + spread - 2 * _nuclear_norm(first.factor @ second.factor.T)), 0.0)


def _nuclear_norm(matrix: Tensor) -> Tensor:
    if 0 in matrix.shape:
        return matrix.new_zeros(())
    norm: Tensor = torch.linalg.svdvals(matrix).sum()
    return norm
