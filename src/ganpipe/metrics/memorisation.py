"""Nearest training images of samples, by pixel distance."""

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.metrics.manifold import squared_distances

_BLOCK = 4096


def nearest(images: NDArray[np.uint8], training: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the index in `training` (M,C,H,W) of the image nearest to each of `images` (N,C,H,W), and its distance.

    The distance (N,) is the RMS pixel difference in [0, 1]. The nearest image is found in float32, block by block; its
    distance is then computed from the pixels, so that a copy has distance exactly 0.
    """
    queries = torch.from_numpy(images.reshape(len(images), -1).astype(np.float32))
    best = torch.full((len(queries),), torch.inf)
    indices = torch.zeros(len(queries), dtype=torch.int64)
    for start in range(0, len(training), _BLOCK):
        chunk = training[start : start + _BLOCK]
        candidates = torch.from_numpy(chunk.reshape(len(chunk), -1).astype(np.float32))
        for block, distances in squared_distances(queries, candidates):
            distance, index = distances.min(1)
            closer = distance < best[block]
            best[block] = torch.where(closer, distance, best[block])
            indices[block] = torch.where(closer, index + start, indices[block])
    found: NDArray[np.int64] = indices.numpy()
    difference = (images.astype(np.float64) - training[found]) / 255
    return found, np.sqrt(np.square(difference).mean(axis=(1, 2, 3)))
