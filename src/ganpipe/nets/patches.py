"""Residual network on patches of the image, for flow matching and diffusion on a CPU.

It works at one low resolution, where convolutions of many channels are fast: 7x7 for images of 28 pixels.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.common.types import Count, ImageShape, Patch
from ganpipe.nets.conditional import require_labels
from ganpipe.nets.unet import sinusoidal_embedding

SIZES = (16, 28, 32, 64, 128, 256)

TIME_FEATURES = 64
"""Sines and cosines in which a time is encoded."""


class Denoiser(nn.Module):
    """Patches as channels, residual blocks conditioned on time and label, and patches back to pixels.

    width: channels of every block. depth: number of blocks. patch: width and height of a patch in pixels.
    """

    def __init__(
        self, image: ImageShape, classes: int, *, width: Count = 64, depth: Count = 4, patch: Patch = 4
    ) -> None:
        super().__init__()
        self.patch = patch
        embedding, positions = 2 * width, image.size // patch
        self.time = nn.Sequential(nn.Linear(TIME_FEATURES, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.label = nn.Embedding(classes, embedding) if classes else None
        self.stem = nn.Conv2d(image.channels * patch**2, width, 3, padding=1)
        self.position = nn.Parameter(0.02 * torch.randn(1, width, positions, positions))
        self.blocks = nn.ModuleList(_ModulatedBlock(width, embedding) for _ in range(depth))
        self.norm = nn.GroupNorm(math.gcd(width, 8), width)
        self.head = nn.Conv2d(width, image.channels * patch**2, 1)

    def forward(self, noisy: Tensor, times: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map noisy images (N, C, H, W), times (N,) from 0 to 1000 and labels (N,) to a prediction (N, C, H, W)."""
        embedding = self.time(sinusoidal_embedding(times.to(noisy.dtype), TIME_FEATURES))
        if self.label is not None:
            embedding = embedding + self.label(require_labels(labels))
        embedding = F.silu(embedding)
        features = self.stem(F.pixel_unshuffle(noisy, self.patch)) + self.position
        features = features.contiguous(memory_format=torch.channels_last)
        for block in self.blocks:
            features = block(features, embedding)
        return F.pixel_shuffle(self.head(F.silu(self.norm(features))), self.patch)


class _ModulatedBlock(nn.Module):
    """Two 3x3 convolutions; the embedding scales and shifts their input and scales their output.

    Adaptive normalisation as in Peebles and Xie 2023 (section 3.2), around convolutions instead of attention.
    """

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(math.gcd(width, 8), width)
        self.modulation = nn.Linear(embedding, 3 * width)
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        scale, shift, gate = self.modulation(embedding)[:, :, None, None].chunk(3, dim=1)
        hidden = F.silu(self.norm(features) * (1 + scale) + shift)
        result: Tensor = features + (1 + gate) * self.second(F.silu(self.first(hidden)))
        return result
