"""Metrics of generated images that are computed after every epoch."""

import math

import numpy as np
from numpy.typing import NDArray

from ganpipe.metrics.pixels import contrast, diversity, sharpness

SAMPLE_METRICS = {"sharpness": sharpness, "contrast": contrast, "diversity": diversity}
_PAIRWISE = frozenset({"diversity"})
"""Metrics that compare images with each other: NaN for a single image."""


def sample_metrics(images: NDArray[np.uint8]) -> dict[str, float]:
    """Compute all metrics of images N,C,H,W with N of at least 1."""
    return {
        name: math.nan if name in _PAIRWISE and len(images) < 2 else metric(images)
        for name, metric in SAMPLE_METRICS.items()
    }
