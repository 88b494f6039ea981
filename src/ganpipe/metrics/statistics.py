"""Statistics of features in float64: mean and covariance, streamed so that memory does not grow, and diversity."""

from dataclasses import dataclass

import torch
from torch import Tensor

_BLOCK = 4096


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution, given by its mean (d,) and a factor F (r, d) of its covariance F'F, both float64.

    The Fréchet distance uses the factor, which has only as many rows as there are images if these are few.
    """

    mean: Tensor
    factor: Tensor


class Moments:
    """Running mean (d,) and scatter matrix (d, d) of `count` rows, in float64.

    The first d rows are stored as they are: they take no more memory than the scatter matrix, and if no others follow
    they give the factor of the covariance directly.

    Source: Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample variances, 1979.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.count = 0
        self._first_rows: list[Tensor] = []
        self._mean = torch.zeros(width, dtype=torch.float64)
        self._scatter: Tensor | None = None

    def add(self, rows: Tensor) -> None:
        """Add rows (n, d). Raises ValueError if a value is not finite or the width differs."""
        if rows.ndim != 2 or rows.shape[1] != self.width:
            raise ValueError(f"features must be (n, {self.width}), got {tuple(rows.shape)}")
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK].double()
            if not torch.isfinite(block).all():
                raise ValueError("features contain values that are not finite")
            self.count += len(block)
            if self.count <= self.width:
                self._first_rows.append(block)
            else:
                self._fold(torch.cat([*self._first_rows, block]))
                self._first_rows = []

    def gaussian(self) -> Gaussian:
        """Return the fitted normal distribution with unbiased covariance. Raises ValueError for fewer than 2 rows."""
        if self.count < 2:
            raise ValueError(f"a covariance needs at least 2 images, got {self.count}")
        if self._scatter is not None:
            return Gaussian(self._mean, _factor(self._scatter / (self.count - 1)))
        rows = torch.cat(self._first_rows)
        mean = rows.mean(0)
        return Gaussian(mean, (rows - mean) / (self.count - 1) ** 0.5)

    def _fold(self, block: Tensor) -> None:
        if self._scatter is None:
            self._scatter = torch.zeros(self.width, self.width, dtype=torch.float64)
        before = self.count - len(block)
        mean = block.mean(0)
        delta = mean - self._mean
        self._scatter.addmm_((block - mean).T, block - mean)
        self._scatter.addr_(delta, delta, alpha=before * len(block) / self.count)
        self._mean += delta * (len(block) / self.count)


def fit(features: Tensor) -> Gaussian:
    """Return the normal distribution fitted to rows (n, d). Raises ValueError as `Moments` does."""
    moments = Moments(features.shape[1])
    moments.add(features)
    return moments.gaussian()


def vendi_score(rows: Tensor) -> float:
    """Return the Vendi score of rows (n, d): the exponential of the entropy of the eigenvalues of K / n.

    K is the cosine similarity of all pairs. The score is between 1, for parallel rows, and min(n, d). The eigenvalues
    are those of the smaller Gram matrix. Rows of zeros, which have no direction, count as none of the directions.
    Source: Friedman and Dieng, The Vendi score: a diversity evaluation metric for machine learning, 2023, eq. 2.
    Raises ValueError for no rows, and for values that are not finite.
    """
    if not len(rows):
        raise ValueError("the Vendi score needs at least 1 image, got 0")
    if not torch.isfinite(rows).all():
        raise ValueError("features contain values that are not finite")
    unit = torch.nn.functional.normalize(rows.double(), dim=1)
    gram = unit.T @ unit if len(rows) > rows.shape[1] else unit @ unit.T
    eigenvalues = torch.linalg.eigvalsh(gram / len(rows)).clamp(min=0)
    return float(torch.special.entr(eigenvalues).sum().exp())


def _factor(covariance: Tensor) -> Tensor:
    lower: Tensor
    lower, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:
        return lower.T
    # Rank-deficient: drop the directions whose eigenvalues are zero up to rounding.
    values, vectors = torch.linalg.eigh(covariance)
    rounding = values[-1].clamp(min=0) * len(values) * torch.finfo(torch.float64).eps
    kept = values > rounding
    factor: Tensor = (vectors[:, kept] * values[kept].sqrt()).T
    return factor
