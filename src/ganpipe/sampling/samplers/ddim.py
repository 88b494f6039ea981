"""Images from noise in a few steps of a diffusion model (Song et al. 2021)."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.nets.registry import build_denoiser
from ganpipe.objectives.diffusion import cosine_signal, ddim_step, ddim_times
from ganpipe.sampling.description import Description


def build(description: Description) -> nn.Module:
    """The denoiser within its sampler."""
    denoiser = build_denoiser(description.network, description.image, description.classes, description.options)
    return Ddim(denoiser, description.image, **description.sampling)


class Ddim(nn.Module):
    """A denoiser asked `steps` times, from pure noise to the image.

    noise_steps: steps of the schedule that the denoiser was trained with.
    """

    def __init__(self, denoiser: nn.Module, image: ImageShape, noise_steps: int, steps: int) -> None:
        super().__init__()
        self.denoiser = denoiser
        self.image = image
        self.times = ddim_times(noise_steps, steps)
        signal = cosine_signal(noise_steps).tolist()
        self.signals = [*(signal[time] for time in self.times), 1.0]

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Noise (N, C*H*W) and labels (N,) -> images (N, C, H, W) in [-1, 1]."""
        images = z.view(-1, self.image.channels, self.image.size, self.image.size)
        for time, (signal, next_signal) in zip(self.times, pairwise(self.signals), strict=True):
            noise = self.denoiser(images, torch.full((len(images),), time, device=images.device), labels)
            images = ddim_step(images, noise, signal, next_signal)
        return images
