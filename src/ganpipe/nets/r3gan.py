"""Residual networks without normalisation, as in R3GAN (Huang et al. 2024, section 4), in a size for CPUs.

Both networks mirror each other: residual blocks at every resolution, between them a change of resolution and a 1x1
convolution. Instead of normalisation the initial weights keep the scale of the features (Fixup, Zhang et al. 2019): in
each block the first convolutions are scaled down by the number of blocks, and the last one starts near zero. Use them
with `init: default`, since `dcgan` overwrites these weights. Differences from the paper: 3x3 convolutions are not
grouped, blocks are not widened, images end in tanh, and the latent vector determines the whole first map. In the paper
it only scales the channels of a learned map; with so few channels all images then had similar shapes.
"""

from itertools import pairwise
from typing import TypeVar

import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.common.types import Count, ImageShape
from ganpipe.nets.conditional import ConditionalLatent, Projection
from ganpipe.nets.layers import LEAKY_SLOPE, LatentToMap, MapToLogit, TanhGenerator, num_doublings
from ganpipe.nets.matmul_conv import Conv2d
from ganpipe.nets.resnet import channels_per_level

SIZES = (16, 28, 32, 64, 128, 256)
GAIN = (2 / (1 + LEAKY_SLOPE**2)) ** 0.5
"""Keeps the variance of features across a convolution and a LeakyReLU (He et al. 2015)."""
LAST_GAIN = 0.01
"""Of the last convolution of a block. Fixup uses 0, with which only this layer would learn in the first step."""
_CONVOLUTIONS = 3
"""Convolutions in a block."""

Layer = TypeVar("Layer", nn.Conv2d, Conv2d, LatentToMap, MapToLogit)


class Generator(TanhGenerator):
    """Latent -> smallest map (4x4, or 7x7 at 28 pixels) -> residual blocks, upsampling -> image -> tanh.

    width: channels f at the resolution of the image; 2f at half of it, 4f below. blocks: at each resolution.
    """

    def __init__(self, image: ImageShape, latent: int, classes: int, *, width: Count = 16, blocks: Count = 1) -> None:
        super().__init__()
        self.noise = ConditionalLatent(latent, classes)
        channels = tuple(reversed(channels_per_level(image, width)))
        smallest = image.size // 2 ** num_doublings(image.size)
        self.project = _initialised(LatentToMap(self.noise.width, channels[0], smallest, bias=False), 1.0)
        total = blocks * len(channels)
        self.main = nn.Sequential(*(_Block(channels[0], total) for _ in range(blocks)))
        for inputs, outputs in pairwise(channels):
            self.main.append(_Upsample(inputs, outputs))
            self.main.extend(_Block(outputs, total) for _ in range(blocks))
        self.main.append(_initialised(Conv2d(channels[-1], image.channels, 1), 1.0))

    def pre_tanh(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `TanhGenerator`."""
        images: Tensor = self.main(self.project(self.noise(z, labels)))
        return images


class Discriminator(nn.Module):
    """Image -> residual blocks, downsampling to 4x4 or 7x7 -> one logit. Options as for the generator."""

    def __init__(self, image: ImageShape, classes: int, *, width: Count = 16, blocks: Count = 1) -> None:
        super().__init__()
        channels = channels_per_level(image, width)
        total = blocks * len(channels)
        self.features = nn.Sequential(_initialised(Conv2d(image.channels, channels[0], 1), 1.0))
        self.features.extend(_Block(channels[0], total) for _ in range(blocks))
        for inputs, outputs in pairwise(channels):
            self.features.append(nn.Sequential(nn.AvgPool2d(2), _initialised(_convolution(inputs, outputs, 1), 1.0)))
            self.features.extend(_Block(outputs, total) for _ in range(blocks))
        smallest = image.size // 2 ** num_doublings(image.size)
        self.head = _initialised(MapToLogit(channels[-1], smallest, bias=True), 1.0)
        self.projection = Projection(channels[-1] * smallest**2, classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map images (N, C, H, W) and labels (N,) to logits (N,)."""
        features = self.features(images)
        logits: Tensor = self.projection(self.head(features), features, labels)
        return logits


class _Block(nn.Module):
    """x + conv(act(conv(act(conv(x))))) with kernels of 1, 3 and 1 pixels: (N, channels, s, s) -> the same."""

    def __init__(self, channels: int, total: int) -> None:
        super().__init__()
        gain = GAIN * total ** (-1 / (2 * _CONVOLUTIONS - 2))  # Zhang et al. 2019, section 3, rule 2
        self.main = nn.Sequential(
            _initialised(_convolution(channels, channels, 1), gain),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            _initialised(_convolution(channels, channels, 3), gain),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            _initialised(nn.Conv2d(channels, channels, 1, bias=False), LAST_GAIN),
        )

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = features + self.main(features)
        return result


class _Upsample(nn.Module):
    """1x1 convolution, then bilinear interpolation, which commute: (N, inputs, s, s) -> (N, outputs, 2s, 2s)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = _initialised(_convolution(inputs, outputs, 1), 1.0)

    def forward(self, features: Tensor) -> Tensor:
        return F.interpolate(self.convolution(features), scale_factor=2.0, mode="bilinear", align_corners=False)


def _convolution(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


def _initialised(layer: Layer, gain: float) -> Layer:
    """Draw the weights from N(0, gain^2 / inputs of an output) and set the bias to zero."""
    inputs = layer.in_channels if isinstance(layer, LatentToMap) else layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=gain / inputs**0.5)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
