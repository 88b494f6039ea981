"""Are samples copies of training images?"""

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.metrics.manifold import squared_distances

_BLOCK = 4096


def nearest(images: NDArray[np.uint8], training: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Place in `training` (M,C,H,W) of the image nearest to each of `images` (N,C,H,W), and the distance, both (N,).

    The distance is the RMS pixel difference in [0, 1]. The nearest is found in float32, block by block; its distance
    is then computed from the pixels, so that a copy is at exactly 0.
    """
    queries = torch.from_numpy(images.reshape(len(images), -1).astype(np.float32))
    best = torch.full((len(queries),), torch.inf)
    places = torch.zeros(len(queries), dtype=torch.int64)
    for start in range(0, len(training), _BLOCK):
        block = training[start : start + _BLOCK]
        candidates = torch.from_numpy(block.reshape(len(block), -1).astype(np.float32))
        for some, distances in squared_distances(queries, candidates):
            distance, place = distances.min(1)
            closer = distance < best[some]
            best[some] = torch.where(closer, distance, best[some])
            places[some] = torch.where(closer, place + start, places[some])
    found: NDArray[np.int64] = places.numpy()
    difference = (images.astype(np.float64) - training[found]) / 255
    return found, np.sqrt(np.square(difference).mean(axis=(1, 2, 3)))
