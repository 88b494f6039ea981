"""Which training images do samples resemble most? Exact, so that every machine shows the same ones."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 4096


def nearest(images: NDArray[np.uint8], training: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Place in `training` (M,C,H,W) of the image nearest to each of `images` (N,C,H,W) by pixel distance; the first
    of several.

    Squared distances of bytes are whole numbers that float64 holds exactly: the order of a matrix product's sums,
    which differs between processors, cannot change them.
    """
    queries = images.reshape(len(images), -1).astype(np.float64)
    best = np.full(len(images), np.inf)
    places = np.zeros(len(images), dtype=np.int64)
    for start in range(0, len(training), _BLOCK):
        block = training[start : start + _BLOCK].reshape(-1, queries.shape[1]).astype(np.float64)
        # |q - b|^2 without |q|^2, which is the same for all b
        distances = np.square(block).sum(1) - 2 * queries @ block.T
        found = distances.argmin(1)
        smallest = distances[np.arange(len(images)), found]
        places = np.where(smallest < best, found + start, places)
        best = np.minimum(best, smallest)
    return places
