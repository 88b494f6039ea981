"""Deep convolutional GAN (Radford et al. 2016) for images of 16, 28, 64 and 128 pixels.

A 4x4 map is doubled up to the image by transposed convolutions, and halved again by strided convolutions. At
28 pixels the first doubling ends at 7x7, and the halvings end at 3x3.
"""

from itertools import pairwise

from torch import Tensor, nn

from ganpipe.common.types import Count, CriticNorm, Fraction, ImageShape, Norm
from ganpipe.nets.conditional import LabelledNoise, Projection
from ganpipe.nets.layers import LEAK, MapToLogit, NoiseToMap, brings_shift, constrained, norm_layer
from ganpipe.nets.lowering import Conv2d, ConvTranspose2d

SIZES = (16, 28, 64, 128)


class Generator(nn.Module):
    """Noise -> 4x4 map -> doublings with normalisation and ReLU -> image -> tanh.

    `width` f is the number of channels of the last hidden map; each map before it has twice as many:
    2f, f at 16 pixels; 4f, 2f, f at 28; 8f ... f at 64; 16f ... f at 128.
    """

    def __init__(
        self, image: ImageShape, latent: int, classes: int, *, width: Count = 64, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        self.noise = LabelledNoise(latent, classes)
        widths = tuple(reversed(widths_of(image, width)))
        bias = not brings_shift(norm)
        self.main = nn.Sequential(
            NoiseToMap(self.noise.width, widths[0], 4, bias),
            norm_layer(norm, widths[0]),
            nn.ReLU(inplace=True),
        )
        for step, (inputs, outputs) in enumerate(pairwise(widths)):
            kernel = 3 if image.size == 28 and step == 0 else 4
            self.main.append(ConvTranspose2d(inputs, outputs, kernel, stride=2, padding=1, bias=bias))
            self.main.append(norm_layer(norm, outputs))
            self.main.append(nn.ReLU(inplace=True))
        self.main.append(ConvTranspose2d(widths[-1], image.channels, 4, stride=2, padding=1, bias=bias))
        self.main.append(nn.Tanh())

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Noise (N, latent) and labels (N,) -> images (N, C, H, W) in [-1, 1]."""
        images: Tensor = self.main(self.noise(z, labels))
        return images


class Discriminator(nn.Module):
    """Image -> halvings with LeakyReLU(0.2), normalised from the second on -> one logit.

    `width` f is the number of channels of the first map; each map after it has twice as many.
    """

    def __init__(
        self,
        image: ImageShape,
        classes: int,
        *,
        width: Count = 64,
        norm: CriticNorm = "batch",
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        self.features = halvings(image, width, norm, dropout)
        channels, size = widths_of(image, width)[-1], last_size(image)
        self.head = constrained(MapToLogit(channels, size, bias=not brings_shift(norm)), norm)
        self.projection = Projection(channels * size**2, classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) and labels (N,) -> logits (N,)."""
        features = self.features(images)
        logits: Tensor = self.projection(self.head(features), features, labels)
        return logits


def halvings(
    image: ImageShape, width: int, norm: CriticNorm, dropout: float, first_normed: bool = False
) -> nn.Sequential:
    """Return strided convolutions from an image down to `widths_of(...)[-1]` channels of `last_size(...)`."""
    layers = nn.Sequential()
    for step, (inputs, outputs) in enumerate(pairwise((image.channels, *widths_of(image, width)))):
        bias = not brings_shift(norm)
        layers.append(constrained(Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=bias), norm))
        if step > 0 or first_normed:
            layers.append(norm_layer(norm, outputs))
        layers.append(nn.LeakyReLU(LEAK, inplace=True))
        if dropout:
            layers.append(nn.Dropout(dropout))
    return layers


def widths_of(image: ImageShape, width: int) -> tuple[int, ...]:
    """Channels of the hidden maps, from the largest map to the smallest: one for each halving."""
    halvings_to_last = {16: 2, 28: 3, 64: 4, 128: 5}[image.size]
    return tuple(width * 2**step for step in range(halvings_to_last))


def last_size(image: ImageShape) -> int:
    """Side of the smallest map of the discriminator."""
    return 3 if image.size == 28 else 4
