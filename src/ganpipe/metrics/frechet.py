"""Fréchet distance between normal distributions fitted to features."""

import torch
from torch import Tensor

from ganpipe.metrics.statistics import Gaussian

_SMALL = 1e-10


def frechet_distance(first: Gaussian, second: Gaussian) -> float:
    """Return d² = |m1 - m2|² + tr C1 + tr C2 - 2 tr (C1 C2)^(1/2), a real number that is at least 0.

    Source: Dowson and Landau, The Fréchet distance between multivariate normal distributions, 1982, eq. 16; used on
    network features by Heusel et al., GANs trained by a two time-scale update rule, 2017, eq. 6.

    With C1 = A'A and C2 = B'B, the trace of the root is the sum of the singular values of A B' (its square is similar
    to the product of the covariances), so no general matrix root is needed. Raises ValueError if the widths differ.
    """
    if first.mean.shape != second.mean.shape:
        raise ValueError(f"features differ in width: {len(first.mean)} and {len(second.mean)}")
    between_means = (first.mean - second.mean).square().sum()
    traces = first.factor.square().sum() + second.factor.square().sum()
    return max(float(between_means + traces - 2 * _nuclear_norm(first.factor @ second.factor.T)), 0.0)


def _nuclear_norm(matrix: Tensor) -> Tensor:
    """Sum of the singular values, computed as roots of the eigenvalues of the symmetric square.

    Squaring halves the digits of small singular values, so matrices that have some are decomposed directly.
    """
    if 0 in matrix.shape:
        return matrix.new_zeros(())
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    squares: Tensor = torch.linalg.eigvalsh(wide @ wide.T)
    if squares[0] > _SMALL * squares[-1]:
        return squares.sqrt().sum()
    norm: Tensor = torch.linalg.svdvals(matrix).sum()
    return norm
