"""Convolutional classifier, used as the judge; its penultimate layer provides the features for the metrics."""

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape

FEATURES = 128
_SMALLEST = 4  # feature maps of this size or smaller are not halved: position still matters in them


class Classifier(nn.Module):
    """Strided convolutions that halve the image and double the width, `FEATURES` hidden units, one logit per class.

    width: channels of the first convolution. It has stride 2, because at full resolution, with one or three input
    channels, it would cost more time than all the others together.
    depth: additional convolutions with stride 1 at each resolution.
    """

    def __init__(self, image: ImageShape, classes: int, *, width: int, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [
            nn.Conv2d(image.channels, width, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        channels, size = width, -(-image.size // 2)
        for _ in range(depth):
            layers += _conv_block(channels, channels)
        while size > _SMALLEST:
            layers += _conv_block(channels, 2 * channels, stride=2)
            channels, size = 2 * channels, -(-size // 2)
            for _ in range(depth):
                layers += _conv_block(channels, channels)
        self.maps = nn.Sequential(*layers)
        self.project = nn.Linear(channels * size * size, FEATURES)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """Return penultimate activations (N, `FEATURES`), all >= 0, of images (N, C, H, W) in [-1, 1]."""
        return torch.relu(self.project(self.maps(images).flatten(1)))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, classes) of images (N, C, H, W) in [-1, 1]."""
        logits: Tensor = self.head(self.features(images))
        return logits


def _conv_block(in_channels: int, out_channels: int, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    ]
