"""Deterministic sampling from a diffusion model in a few steps (DDIM, Song et al. 2021, arXiv:2010.02502)."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.nets.registry import build_denoiser
from ganpipe.objectives.diffusion import cosine_schedule, ddim_step, ddim_times
from ganpipe.sampling.description import Description


def build(description: Description) -> nn.Module:
    """Build the denoiser, wrapped in its sampler."""
    denoiser = build_denoiser(description.network, description.image, description.classes, description.options)
    return Ddim(denoiser, description.image, **description.sampling)


class Ddim(nn.Module):
    """DDIM sampler with eta = 0 and the cosine noise schedule.

    noise_steps: number of steps of the schedule in training. steps: number of denoiser evaluations per image.
    """

    def __init__(self, denoiser: nn.Module, image: ImageShape, noise_steps: int, steps: int) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.image = image
        self.times = ddim_times(noise_steps, steps)
        alpha_bar = cosine_schedule(noise_steps).tolist()
        self.alpha_bars = [*(alpha_bar[time] for time in self.times), 1.0]

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map noise (N, C*H*W) and labels (N,) or None to images (N, C, H, W) in [-1, 1]."""
        images = z.view(-1, self.image.channels, self.image.size, self.image.size)
        for time, (alpha_bar, next_alpha_bar) in zip(self.times, pairwise(self.alpha_bars), strict=True):
            noise = self.denoiser(images, torch.full((len(images),), time, device=images.device), labels)
            images = ddim_step(images, noise, alpha_bar, next_alpha_bar)
        return images
