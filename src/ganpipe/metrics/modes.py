"""Mode coverage on datasets with known modes: how many of them are generated, and how evenly.

Metz et al., Unrolled generative adversarial networks, 2017, section 3.3: a classifier assigns each generated image to
a mode, a mode is found if it has at least one image, and the divergence is KL(generated || data). Lin et al., PacGAN,
2018, section 4, use 26,000 samples. More samples find more modes and have a smaller divergence: for n samples of the
data's own distribution with K modes it is about (K - 1) / 2n.
"""

import numpy as np
from numpy.typing import NDArray

MODE_METRICS = ("modes", "mode_kl")
"""Metrics of datasets with known modes; on others `plan` rejects them."""


def histogram(predicted: NDArray[np.int64], modes: int) -> NDArray[np.int64]:
    """Return how many of the images, given their modes (N,) in 0 .. modes - 1, each mode has, (modes,)."""
    return np.bincount(predicted, minlength=modes)


def kl_divergence(generated: NDArray[np.int64], real: NDArray[np.int64]) -> float:
    """Return KL(generated || real) of two histograms (modes,), in nats: 0 if their shares are equal.

    Infinite if a generated mode has no real image.
    """
    found = generated > 0
    shares, real_shares = generated[found] / generated.sum(), real[found] / real.sum()
    with np.errstate(divide="ignore"):
        return float((shares * np.log(shares / real_shares)).sum())
