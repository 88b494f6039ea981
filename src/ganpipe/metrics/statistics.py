"""Mean and covariance of features: streamed, in float64, so that memory does not grow with the number of images."""

from dataclasses import dataclass

import torch
from torch import Tensor

_BLOCK = 4096


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution by its mean (d,) and a factor F (r, d) of its covariance F'F, both float64.

    The factor is what the Fréchet distance needs; r is at most the rank, which makes few samples cheap.
    """

    mean: Tensor
    factor: Tensor


class Moments:
    """Running count, mean (d,) and scatter matrix (d, d) of rows, in float64.

    Source: Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample variances, 1979.
    """

    def __init__(self, width: int) -> None:
        self.count = 0
        self.mean = torch.zeros(width, dtype=torch.float64)
        self.scatter = torch.zeros(width, width, dtype=torch.float64)

    def add(self, rows: Tensor) -> None:
        """Take in rows (n, d). Raises ValueError when a value is not finite or the width differs."""
        if rows.ndim != 2 or rows.shape[1] != len(self.mean):
            raise ValueError(f"features must be (n, {len(self.mean)}), got {tuple(rows.shape)}")
        for start in range(0, len(rows), _BLOCK):
            part = rows[start : start + _BLOCK].double()
            if not torch.isfinite(part).all():
                raise ValueError("features hold values that are not finite")
            mean = part.mean(0)
            delta = mean - self.mean
            total = self.count + len(part)
            self.scatter.addmm_((part - mean).T, part - mean)
            self.scatter.addr_(delta, delta, alpha=self.count * len(part) / total)
            self.mean += delta * (len(part) / total)
            self.count = total

    def gaussian(self) -> Gaussian:
        """The fitted normal distribution, with the unbiased covariance. Raises ValueError for fewer than 2 rows."""
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 images, got {self.count}")
        return Gaussian(self.mean, _factor(self.scatter / (self.count - 1)))


def fit(features: Tensor) -> Gaussian:
    """The normal distribution fitted to rows (n, d); with n at most d, the centred rows themselves are the factor."""
    count, width = features.shape
    if 2 <= count <= width and torch.isfinite(features).all():
        rows = features.double()
        mean = rows.mean(0)
        return Gaussian(mean, (rows - mean) / (count - 1) ** 0.5)
    moments = Moments(width)
    moments.add(features)
    return moments.gaussian()


def _factor(covariance: Tensor) -> Tensor:
    lower: Tensor
    lower, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:
        return lower.T
    # Rank-deficient: eigenvalues within rounding of zero are zeros, and their directions are left out.
    values, vectors = torch.linalg.eigh(covariance)
    rounding = values[-1].clamp(min=0) * len(values) * torch.finfo(torch.float64).eps
    kept = values > rounding
    factor: Tensor = (vectors[:, kept] * values[kept].sqrt()).T
    return factor
