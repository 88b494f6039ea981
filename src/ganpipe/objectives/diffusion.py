"""Noise schedule, forward process and deterministic sampling step of diffusion models.

Notation: alpha_bar_t in (0, 1) is the signal level at step t, x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) e
with e ~ N(0, I) (Ho et al. 2020, equation 4).
"""

import math

import torch
from torch import Tensor

OFFSET = 0.008
"""Keeps the noise of the first steps from being too small (Nichol and Dhariwal 2021, section 3.2)."""

MAX_BETA = 0.999
"""Prevents a singularity at the last step (Nichol and Dhariwal 2021, section 3.2)."""


def cosine_schedule(steps: int) -> Tensor:
    """Return alpha_bar_t of the cosine schedule, (steps,) float64 (Nichol and Dhariwal 2021, equation 17)."""
    time = torch.arange(steps + 1, dtype=torch.float64, device="cpu") / steps
    curve = torch.cos((time + OFFSET) / (1 + OFFSET) * math.pi / 2).square()
    betas = (1 - curve[1:] / curve[:-1]).clamp(max=MAX_BETA)
    return (1 - betas).cumprod(dim=0)


def add_noise(images: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """Return x_t of x_0 and e, both (N, C, H, W), at the signal level of each image, alpha_bar (N,)."""
    alpha_bar = alpha_bar.to(images.dtype)[:, None, None, None]
    return alpha_bar.sqrt() * images + (1 - alpha_bar).sqrt() * noise


def ddim_times(steps: int, count: int) -> list[int]:
    """Return `count` <= `steps` time steps, evenly spaced from `steps - 1` (pure noise) down to 0."""
    return [round(time) for time in torch.linspace(steps - 1, 0, count, dtype=torch.float64, device="cpu").tolist()]


def ddim_step(noisy: Tensor, noise: Tensor, alpha_bar: float, next_alpha_bar: float) -> Tensor:
    """Take one deterministic sampling step (DDIM, Song et al. 2021, equation 12 with sigma = 0).

    noisy: x_t; noise: the network's prediction of e; both (N, C, H, W). The implied x_0 is clamped to [-1, 1] and e is
    recomputed to match. `next_alpha_bar` = 1 returns x_0.
    """
    image = ((noisy - math.sqrt(1 - alpha_bar) * noise) / math.sqrt(alpha_bar)).clamp(-1, 1)
    noise = (noisy - math.sqrt(alpha_bar) * image) / math.sqrt(1 - alpha_bar)
    return math.sqrt(next_alpha_bar) * image + math.sqrt(1 - next_alpha_bar) * noise
