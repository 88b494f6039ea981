"""Exact search for the training images nearest to samples, so that every machine shows the same ones."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 4096


def nearest(images: NDArray[np.uint8], training: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the index in `training` (M,C,H,W) of the image nearest to each of `images` (N,C,H,W) in pixel distance.

    Of equally near images the first is taken. Squared distances of bytes are integers that float64 represents exactly,
    so the summation order of a matrix product, which differs between processors, does not change them.
    """
    queries = images.reshape(len(images), -1).astype(np.float64)
    best = np.full(len(images), np.inf)
    indices = np.zeros(len(images), dtype=np.int64)
    for start in range(0, len(training), _BLOCK):
        block = training[start : start + _BLOCK].reshape(-1, queries.shape[1]).astype(np.float64)
        # |q - b|^2 without |q|^2, which is the same for all b
        distances = np.square(block).sum(1) - 2 * queries @ block.T
        found = distances.argmin(1)
        smallest = distances[np.arange(len(images)), found]
        indices = np.where(smallest < best, found + start, indices)
        best = np.minimum(best, smallest)
    return indices
