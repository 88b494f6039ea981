"""What is measured on generated images after every epoch."""

import numpy as np
from numpy.typing import NDArray

from ganpipe.metrics.pixels import contrast, diversity, sharpness

MEASURES = {"sharpness": sharpness, "contrast": contrast, "diversity": diversity}


def measured(images: NDArray[np.uint8]) -> dict[str, float]:
    """All of them on images N,C,H,W; N at least 2."""
    return {name: measure(images) for name, measure in MEASURES.items()}
