"""A small U-Net that finds the noise in an image, for diffusion (Ho et al. 2020, appendix B)."""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.common.types import Count, ImageShape
from ganpipe.nets.conditional import required
from ganpipe.nets.layers import doublings
from ganpipe.nets.lowering import Conv2d

SIZES = (16, 28, 32, 64, 128)

SLOWEST = 10_000.0
"""Ratio of the slowest to the fastest wave of the time embedding (Vaswani et al. 2017, section 3.5)."""


class Denoiser(nn.Module):
    """Residual blocks down to 4x4 or 7x7 and up again, each told the time; attention at the smallest size.

    `width` f is the number of channels at the image's own size; every smaller map has 2f.
    """

    def __init__(self, image: ImageShape, classes: int, *, width: Count = 32, attention: bool = True) -> None:
        super().__init__()
        self.width = width
        embedded = 4 * width
        self.time = nn.Sequential(nn.Linear(width, embedded), nn.SiLU(), nn.Linear(embedded, embedded))
        self.label = nn.Embedding(classes, embedded) if classes else None
        widths = (width, *[2 * width] * doublings(image.size))
        self.stem = Conv2d(image.channels, width, 3, padding=1)
        self.down = nn.ModuleList(_Residual(inputs, outputs, embedded) for inputs, outputs in pairwise(widths))
        self.middle = _Residual(widths[-1], widths[-1], embedded)
        self.attention = _Attention(widths[-1]) if attention else nn.Identity()
        self.up = nn.ModuleList(
            _Residual(inputs + skipped, skipped, embedded) for skipped, inputs in reversed(list(pairwise(widths)))
        )
        self.head = nn.Sequential(
            nn.GroupNorm(_groups(width), width), nn.SiLU(), Conv2d(width, image.channels, 3, padding=1)
        )

    def forward(self, noisy: Tensor, times: Tensor, labels: Tensor | None = None) -> Tensor:
        """Noisy images (N, C, H, W), times (N,) counted in steps, labels (N,) -> their noise (N, C, H, W)."""
        told = self.time(_waves(times.to(noisy.dtype), self.width))
        if self.label is not None:
            told = told + self.label(required(labels))
        features = self.stem(noisy)
        skips = []
        for block in self.down:
            skips.append(features)
            features = block(F.avg_pool2d(features, 2), told)
        features = self.attention(self.middle(features, told))
        for block in self.up:
            features = torch.cat([F.interpolate(features, scale_factor=2.0), skips.pop()], dim=1)
            features = block(features, told)
        noise: Tensor = self.head(features)
        return noise


class _Residual(nn.Module):
    """Two 3x3 convolutions, told the time in between: (N, inputs, s, s) -> (N, outputs, s, s)."""

    def __init__(self, inputs: int, outputs: int, embedded: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.GroupNorm(_groups(inputs), inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.shift = nn.Sequential(nn.SiLU(), nn.Linear(embedded, outputs))
        self.second = nn.Sequential(
            nn.GroupNorm(_groups(outputs), outputs), nn.SiLU(), nn.Conv2d(outputs, outputs, 3, padding=1)
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, features: Tensor, told: Tensor) -> Tensor:
        shifted = self.first(features) + self.shift(told)[:, :, None, None]
        result: Tensor = self.second(shifted) + self.shortcut(features)
        return result


class _Attention(nn.Module):
    """Every place of a map looks at every other: (N, channels, s, s) -> the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_groups(channels), channels)
        self.query_key_value = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        places = self.query_key_value(self.norm(features)).flatten(2).mT
        seen = F.scaled_dot_product_attention(*places.chunk(3, dim=-1))
        result: Tensor = features + self.out(seen.mT.reshape(features.shape))
        return result


def _waves(times: Tensor, width: int) -> Tensor:
    """Sines and cosines of the times (N,) at `width // 2` frequencies, (N, width)."""
    half = torch.arange(width // 2, dtype=times.dtype, device=times.device)
    phases = times[:, None] * torch.exp(-math.log(SLOWEST) * half / (width // 2))
    return F.pad(torch.cat([phases.sin(), phases.cos()], dim=1), (0, width % 2))


def _groups(channels: int) -> int:
    """Largest number of groups, at most 8, that the channels can be divided into."""
    return math.gcd(channels, 8)
