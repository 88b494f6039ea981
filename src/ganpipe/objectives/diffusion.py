"""The mathematics of diffusion: how images drown in noise, and the steps that bring them back.

The signal a_t in (0, 1) is the share of the image in x_t (alpha-bar in the papers):
x_t = sqrt(a_t) x_0 + sqrt(1 - a_t) e, with e drawn from N(0, 1).
"""

import math

import torch
from torch import Tensor

OFFSET = 0.008
"""Keeps the first steps' noise from vanishing (Nichol and Dhariwal 2021, section 3.2)."""

LARGEST_BETA = 0.999
"""Keeps the last step from wiping the image out at once (the same section)."""


def cosine_signal(steps: int) -> Tensor:
    """Signals a_t of the cosine schedule, (steps,) float64 (Nichol and Dhariwal 2021, equation 17)."""
    time = torch.arange(steps + 1, dtype=torch.float64, device="cpu") / steps
    curve = torch.cos((time + OFFSET) / (1 + OFFSET) * math.pi / 2).square()
    betas = (1 - curve[1:] / curve[:-1]).clamp(max=LARGEST_BETA)
    return (1 - betas).cumprod(dim=0)


def add_noise(images: Tensor, noise: Tensor, signal: Tensor) -> Tensor:
    """Return x_t from x_0 and e, both (N, C, H, W), and the signal of each image (N,)."""
    signal = signal.to(images.dtype)[:, None, None, None]
    return signal.sqrt() * images + (1 - signal).sqrt() * noise


def ddim_times(steps: int, count: int) -> list[int]:
    """Return `count` <= `steps` times, evenly spread from the noisiest, `steps - 1`, down to 0."""
    return [round(time) for time in torch.linspace(steps - 1, 0, count, dtype=torch.float64, device="cpu").tolist()]


def ddim_step(noisy: Tensor, noise: Tensor, signal: float, next_signal: float) -> Tensor:
    """One step without fresh noise (Song et al. 2021, equation 12 with sigma 0); `next_signal` 1 gives x_0.

    noisy, noise: x_t and the network's guess at the noise in it, (N, C, H, W). The guess at x_0 is held in
    [-1, 1], and the noise made to agree with it.
    """
    image = ((noisy - math.sqrt(1 - signal) * noise) / math.sqrt(signal)).clamp(-1, 1)
    noise = (noisy - math.sqrt(signal) * image) / math.sqrt(1 - signal)
    return math.sqrt(next_signal) * image + math.sqrt(1 - next_signal) * noise
