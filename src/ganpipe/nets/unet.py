"""Small U-Net that predicts the noise in an image, for diffusion (Ho et al. 2020, appendix B)."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.common.types import Count, ImageShape
from ganpipe.nets.conditional import require_labels
from ganpipe.nets.layers import num_doublings
from ganpipe.nets.matmul_conv import Conv2d

SIZES = (16, 28, 32, 64, 128, 256)

MAX_PERIOD = 10_000.0
"""Ratio of the largest to the smallest period of the time embedding (Vaswani et al. 2017, section 3.5)."""


class Denoiser(nn.Module):
    """Residual blocks down to 4x4 or 7x7 and up again, conditioned on the time; attention at the lowest resolution.

    width: channels f at the resolution of the image; 2f at every lower one.
    """

    def __init__(self, image: ImageShape, classes: int, *, width: Count = 32, attention: bool = True) -> None:
        super().__init__()
        self.width = width
        embedding = 4 * width
        self.time = nn.Sequential(nn.Linear(width, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.label = nn.Embedding(classes, embedding) if classes else None
        channels = (width, *[2 * width] * num_doublings(image.size))
        self.stem = Conv2d(image.channels, width, 3, padding=1)
        self.down = nn.ModuleList(_ResidualBlock(inputs, outputs, embedding) for inputs, outputs in pairwise(channels))
        self.middle = _ResidualBlock(channels[-1], channels[-1], embedding)
        self.attention = _SelfAttention(channels[-1]) if attention else nn.Identity()
        self.up = nn.ModuleList(
            _ResidualBlock(inputs + skipped, skipped, embedding)
            for skipped, inputs in reversed(list(pairwise(channels)))
        )
        self.head = nn.Sequential(_group_norm(width), nn.SiLU(), Conv2d(width, image.channels, 3, padding=1))

    def forward(self, noisy: Tensor, times: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map noisy images (N, C, H, W), times (N,) in steps and labels (N,) to the predicted noise (N, C, H, W)."""
        embedding = self.time(sinusoidal_embedding(times.to(noisy.dtype), self.width))
        if self.label is not None:
            embedding = embedding + self.label(require_labels(labels))
        features = self.stem(noisy)
        skips = []
        for block in self.down:
            skips.append(features)
            features = block(F.avg_pool2d(features, 2), embedding)
        features = self.attention(self.middle(features, embedding))
        for block in self.up:
            features = torch.cat([F.interpolate(features, scale_factor=2.0), skips.pop()], dim=1)
            features = block(features, embedding)
        noise: Tensor = self.head(features)
        return noise


class _ResidualBlock(nn.Module):
    """Two 3x3 convolutions, the embedding added between them: (N, inputs, s, s) -> (N, outputs, s, s)."""

    def __init__(self, inputs: int, outputs: int, embedding: int) -> None:
        super().__init__()
        self.first = nn.Sequential(_group_norm(inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.shift = nn.Sequential(nn.SiLU(), nn.Linear(embedding, outputs))
        self.second = nn.Sequential(_group_norm(outputs), nn.SiLU(), nn.Conv2d(outputs, outputs, 3, padding=1))
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        shifted = self.first(features) + self.shift(embedding)[:, :, None, None]
        result: Tensor = self.second(shifted) + self.shortcut(features)
        return result


class _SelfAttention(nn.Module):
    """Single-head self-attention over the positions of a map, with a residual connection; keeps the shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _group_norm(channels)
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        positions = self.query_key_value(self.norm(features)).flatten(2).mT
        attended = F.scaled_dot_product_attention(*positions.chunk(3, dim=-1))
        result: Tensor = features + self.out(attended.mT.reshape(features.shape))
        return result


def sinusoidal_embedding(times: Tensor, width: int) -> Tensor:
    """Return sines and cosines of the times (N,) at `width // 2` frequencies, (N, width)."""
    index = torch.arange(width // 2, dtype=times.dtype, device=times.device)
    phases = times[:, None] * torch.exp(-math.log(MAX_PERIOD) * index / (width // 2))
    return F.pad(torch.cat([phases.sin(), phases.cos()], dim=1), (0, width % 2))


def _group_norm(channels: int) -> nn.GroupNorm:
    """Return group normalisation with the largest number of groups, at most 8, that divides the channels."""
    return nn.GroupNorm(math.gcd(channels, 8), channels)
