"""The judge's network: a small convolutional classifier whose penultimate layer gives the features of metrics."""

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape

FEATURES = 128
_SMALLEST = 4  # stop halving where a map is this small or smaller: position still matters in it


def _block(channels_in: int, channels_out: int, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    ]


class Classifier(nn.Module):
    """Convolutions that halve the image and double the width, then `FEATURES` units, then one logit a class.

    The first convolution already halves the image: at full size, one or three channels wide, it would cost
    more time than all the others. `depth` more convolutions follow at each size.
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
            layers += _block(channels, channels)
        while size > _SMALLEST:
            layers += _block(channels, 2 * channels, stride=2)
            channels, size = 2 * channels, -(-size // 2)
            for _ in range(depth):
                layers += _block(channels, channels)
        self.maps = nn.Sequential(*layers)
        self.project = nn.Linear(channels * size * size, FEATURES)
        self.head = nn.Linear(FEATURES, classes)

    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations (N, `FEATURES`), at least 0, of images (N,C,H,W) in [-1, 1]."""
        return torch.relu(self.project(self.maps(images).flatten(1)))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N,C,H,W) in [-1, 1]."""
        logits: Tensor = self.head(self.features(images))
        return logits
