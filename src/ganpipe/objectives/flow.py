"""Straight paths between images and noise (rectified flow, Liu et al. 2023; flow matching, Lipman et al. 2023).

Notation: x_t = (1 - t) x + t z with an image x, noise z ~ N(0, I) and t in [0, 1]; the velocity is dx_t/dt = z - x.
"""

from typing import TYPE_CHECKING

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TIME_SCALE = 1000.0
"""Networks receive 1000 t, the range of the time steps of a diffusion model."""


def logit_normal_times(images: Tensor) -> Tensor:
    """Draw one time per image, t = sigmoid(u) with u ~ N(0, 1) (Esser et al. 2024, section 3.1)."""
    return torch.randn(len(images), device=images.device).sigmoid()


def interpolate(images: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """Return x_t of images and noise, both (N, C, H, W), at the times t (N,)."""
    t = t[:, None, None, None]
    return (1 - t) * images + t * noise


def pair_optimally(images: Tensor, noise: Tensor) -> Tensor:
    """Return the noise, reordered so that the sum of squared distances to the images is minimal.

    Optimal transport within a batch (Pooladian et al. 2023; Tong et al. 2024). The paths cross less, so that few
    steps suffice. The assignment is computed on the CPU.
    """
    cost: NDArray[np.float64] = torch.cdist(images.flatten(1), noise.flatten(1)).square().cpu().double().numpy()
    _, columns = linear_sum_assignment(cost)
    return noise[torch.as_tensor(columns, device=noise.device)]
