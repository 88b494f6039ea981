"""The fixed sample of a split, for every use of "a few images"."""

import numpy as np
from numpy.typing import NDArray


def spread_indices(count: int, limit: int) -> NDArray[np.int64]:
    """Return min(limit, count) indices spread over range(count), ascending, always the same.

    One at a random position in each of `limit` equal parts. The first images would not do: the arrays of an image
    folder are sorted by class, so they all belong to one class; images at equal distances do too if the classes
    alternate with that period.
    """
    used = min(limit, count)
    edges = np.arange(used + 1) * count // max(used, 1)
    return np.random.default_rng(0).integers(edges[:-1], edges[1:])
