"""Small residual GAN in the manner of Gulrajani et al. (2017) and Miyato et al. (2018)."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.common.types import Count, CriticNorm, ImageShape, Norm
from ganpipe.nets.conditional import LabelledNoise, Projection
from ganpipe.nets.layers import brings_shift, constrained, doublings, norm_layer
from ganpipe.nets.lowering import Conv2d

SIZES = (16, 28, 32, 64, 128)


class Generator(nn.Module):
    """Noise -> smallest map (4x4, or 7x7 at 28 pixels) -> residual doublings -> image -> tanh.

    `width` f is the number of channels at the image's own size; 2f at half of it, 4f below.
    """

    def __init__(
        self, image: ImageShape, latent: int, classes: int, *, width: Count = 32, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        self.noise = LabelledNoise(latent, classes)
        widths = tuple(reversed(widths_of(image, width)))
        smallest = image.size // 2 ** doublings(image.size)
        self.main = nn.Sequential(
            nn.Linear(self.noise.width, widths[0] * smallest**2),
            nn.Unflatten(1, (widths[0], smallest, smallest)),
            *(_Doubling(inputs, outputs, norm) for inputs, outputs in pairwise(widths)),
            norm_layer(norm, widths[-1]),
            nn.ReLU(inplace=True),
            Conv2d(widths[-1], image.channels, 3, padding=1),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Noise (N, latent) and labels (N,) -> images (N, C, H, W) in [-1, 1]."""
        images: Tensor = self.main(self.noise(z, labels))
        return images


class Discriminator(nn.Module):
    """Image -> one residual halving after another down to 4x4 or 7x7 -> sum over places -> one logit."""

    def __init__(self, image: ImageShape, classes: int, *, width: Count = 32, norm: CriticNorm = "spectral") -> None:
        super().__init__()
        channels = widths_of(image, width)
        stem = constrained(Conv2d(image.channels, channels[0], 3, padding=1), norm)
        self.features = nn.Sequential(
            stem, *(Halving(inputs, outputs, norm) for inputs, outputs in pairwise(channels)), nn.ReLU()
        )
        self.head = constrained(nn.Linear(channels[-1], 1), norm)
        self.projection = Projection(channels[-1], classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) and labels (N,) -> logits (N,)."""
        features = self.features(images).sum(dim=(2, 3))
        logits: Tensor = self.projection(self.head(features).squeeze(1), features, labels)
        return logits


class Halving(nn.Module):
    """Residual block (N, inputs, 2s, 2s) -> (N, outputs, s, s), activated before each convolution."""

    def __init__(self, inputs: int, outputs: int, norm: CriticNorm) -> None:
        super().__init__()
        bias = not brings_shift(norm)
        self.main = nn.Sequential(
            norm_layer(norm, inputs),
            nn.ReLU(),  # not in place: the shortcut starts from the same tensor
            constrained(nn.Conv2d(inputs, inputs, 3, padding=1, bias=bias), norm),
            norm_layer(norm, inputs),
            nn.ReLU(inplace=True),
            nn.AvgPool2d(2),
            constrained(nn.Conv2d(inputs, outputs, 3, padding=1), norm),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), constrained(nn.Conv2d(inputs, outputs, 1), norm))

    def forward(self, features: Tensor) -> Tensor:
        """Halve a map."""
        halved: Tensor = self.main(features) + self.shortcut(features)
        return halved


class _Doubling(nn.Module):
    """Residual block (N, inputs, s, s) -> (N, outputs, 2s, 2s), activated before each convolution."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        bias = not brings_shift(norm)
        self.main = nn.Sequential(
            norm_layer(norm, inputs),
            nn.ReLU(),  # not in place: the shortcut starts from the same tensor
            nn.UpsamplingNearest2d(scale_factor=2),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias),
            norm_layer(norm, outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Double a map."""
        # A 1x1 convolution and the copying of pixels commute; the small map is the cheaper one to convolve.
        shortcut = F.interpolate(self.shortcut(features), scale_factor=2.0)
        doubled: Tensor = self.main(features) + shortcut
        return doubled


def widths_of(image: ImageShape, width: int) -> tuple[int, ...]:
    """Channels of the maps, from the image's own size down to the smallest map: f, 2f, 4f, 4f, ..."""
    return tuple(width * min(2**level, 4) for level in range(doublings(image.size) + 1))
