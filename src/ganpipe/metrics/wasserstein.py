"""Sliced Wasserstein distance between two sets of features."""

import numpy as np
import torch
from torch import Tensor

from ganpipe.common.random_streams import numpy_stream

_DIRECTIONS = 512  # at least; whole orthonormal bases
_BLOCK = 64  # directions that are sorted at once


def mind(first: Tensor, second: Tensor, seed: int) -> float:
    """Return 3 d times the sliced squared 2-Wasserstein distance of rows (n, d) and (m, d).

    Source: Berthet et al., MIND: Monge inception distance for generative models evaluation, arXiv 2605.06797, 2026. The
    factor makes a mean shifted by a vector v, with nothing else changed, cost 3 |v|². Two choices differ from the
    paper's random directions and subsets: directions are random orthonormal bases (Rowland et al., Orthogonal
    estimation of Wasserstein distances, 2019), which give exactly that value, and sets of different sizes are compared
    by their quantile functions. Raises ValueError for an empty set, and for values that are not finite.
    """
    for rows in (first, second):
        if not len(rows):
            raise ValueError("a Wasserstein distance needs at least 1 image, got 0")
        if not torch.isfinite(rows).all():
            raise ValueError("features contain values that are not finite")
    width = first.shape[1]
    directions = torch.from_numpy(orthonormal_directions(width, seed))
    first_rows, second_rows, weights = _coupling(len(first), len(second))
    total = 0.0
    for block in torch.split(directions, _BLOCK):
        ordered = (first.double() @ block.T).sort(0).values[first_rows]
        ordered -= (second.double() @ block.T).sort(0).values[second_rows]
        total += float((ordered.square_() * weights[:, None]).sum())
    return 3 * width * total / len(directions)


def orthonormal_directions(width: int, seed: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return random orthonormal bases, stacked: rows (k, d) with k a multiple of d and at least _DIRECTIONS."""
    random = numpy_stream(seed, "metrics")
    bases = [np.linalg.qr(random.normal(size=(width, width)))[0] for _ in range(-(-_DIRECTIONS // width))]
    return np.concatenate(bases)


def _coupling(n: int, m: int) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs of ranks, and their probability, that match the quantiles of n and of m sorted values."""
    # In units of 1 / (n m), so that equal quantiles of both are equal integers.
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    weights = np.diff(ends, prepend=0) / (n * m)
    return torch.from_numpy((ends - 1) // m), torch.from_numpy((ends - 1) // n), torch.from_numpy(weights)
