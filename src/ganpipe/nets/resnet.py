"""Small residual GAN in the manner of Gulrajani et al. (2017) and Miyato et al. (2018)."""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from ganpipe.common.types import Count, CriticNorm, ImageShape, Norm
from ganpipe.nets.conditional import ConditionalLatent, Projection
from ganpipe.nets.layers import TanhGenerator, norm_has_bias, norm_layer, num_doublings, with_spectral_norm
from ganpipe.nets.matmul_conv import Conv2d

SIZES = (16, 28, 32, 64, 128, 256)


class Generator(TanhGenerator):
    """Latent -> smallest map (4x4, or 7x7 at 28 pixels) -> residual upsampling blocks -> image -> tanh.

    width: channels f at the resolution of the image; 2f at half of it, 4f below.
    """

    def __init__(
        self, image: ImageShape, latent: int, classes: int, *, width: Count = 32, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        self.noise = ConditionalLatent(latent, classes)
        channels = tuple(reversed(channels_per_level(image, width)))
        smallest = image.size // 2 ** num_doublings(image.size)
        self.main = nn.Sequential(
            nn.Linear(self.noise.width, channels[0] * smallest**2),
            nn.Unflatten(1, (channels[0], smallest, smallest)),
            *(_UpBlock(inputs, outputs, norm) for inputs, outputs in pairwise(channels)),
            norm_layer(norm, channels[-1]),
            nn.ReLU(inplace=True),
            Conv2d(channels[-1], image.channels, 3, padding=1),
        )

    def pre_tanh(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `TanhGenerator`."""
        images: Tensor = self.main(self.noise(z, labels))
        return images


class Discriminator(nn.Module):
    """Image -> residual downsampling blocks to 4x4 or 7x7 -> sum over positions -> one logit."""

    def __init__(self, image: ImageShape, classes: int, *, width: Count = 32, norm: CriticNorm = "spectral") -> None:
        super().__init__()
        channels = channels_per_level(image, width)
        stem = with_spectral_norm(Conv2d(image.channels, channels[0], 3, padding=1), norm)
        self.features = nn.Sequential(
            stem, *(DownBlock(inputs, outputs, norm) for inputs, outputs in pairwise(channels)), nn.ReLU()
        )
        self.head = with_spectral_norm(nn.Linear(channels[-1], 1), norm)
        self.projection = Projection(channels[-1], classes, norm)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map images (N, C, H, W) and labels (N,) to logits (N,)."""
        features = self.features(images).sum(dim=(2, 3))
        logits: Tensor = self.projection(self.head(features).squeeze(1), features, labels)
        return logits


class DownBlock(nn.Module):
    """Pre-activation residual block that halves the resolution: (N, inputs, 2s, 2s) -> (N, outputs, s, s)."""

    def __init__(self, inputs: int, outputs: int, norm: CriticNorm) -> None:
        super().__init__()
        bias = not norm_has_bias(norm)
        self.main = nn.Sequential(
            norm_layer(norm, inputs),
            nn.ReLU(),  # not in place: the shortcut has the same input
            with_spectral_norm(nn.Conv2d(inputs, inputs, 3, padding=1, bias=bias), norm),
            norm_layer(norm, inputs),
            nn.ReLU(inplace=True),
            nn.AvgPool2d(2),
            with_spectral_norm(nn.Conv2d(inputs, outputs, 3, padding=1), norm),
        )
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), with_spectral_norm(nn.Conv2d(inputs, outputs, 1), norm))

    def forward(self, features: Tensor) -> Tensor:
        """Return the sum of the residual and the shortcut branch."""
        result: Tensor = self.main(features) + self.shortcut(features)
        return result


class _UpBlock(nn.Module):
    """Pre-activation residual block that doubles the resolution: (N, inputs, s, s) -> (N, outputs, 2s, 2s)."""

    def __init__(self, inputs: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        bias = not norm_has_bias(norm)
        self.main = nn.Sequential(
            norm_layer(norm, inputs),
            nn.ReLU(),  # not in place: the shortcut has the same input
            nn.UpsamplingNearest2d(scale_factor=2),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias),
            norm_layer(norm, outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, features: Tensor) -> Tensor:
        # A 1x1 convolution commutes with nearest-neighbour upsampling, and costs a quarter on the smaller map.
        shortcut = F.interpolate(self.shortcut(features), scale_factor=2.0)
        result: Tensor = self.main(features) + shortcut
        return result


def channels_per_level(image: ImageShape, width: int) -> tuple[int, ...]:
    """Return the channels of the maps, from the image's resolution down to the smallest map: f, 2f, 4f, 4f, ..."""
    return tuple(width * min(2**level, 4) for level in range(num_doublings(image.size) + 1))
