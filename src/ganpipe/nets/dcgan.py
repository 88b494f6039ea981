"""Deep convolutional GAN (DCGAN, Radford et al. 2016).

The generator upsamples a 4x4 feature map to the image with transposed convolutions of stride 2; the discriminator
downsamples the image with convolutions of stride 2. At 28 pixels the generator's maps are 4, 7, 14 and 28 pixels wide,
the discriminator's 14, 7 and 3.
"""

from itertools import pairwise

from torch import Tensor, nn

from ganpipe.common.types import Count, CriticNorm, Fraction, ImageShape, Norm
from ganpipe.nets.conditional import ConditionalLatent, Projection
from ganpipe.nets.layers import (
    LEAKY_SLOPE,
    LatentToMap,
    MapToLogit,
    TanhGenerator,
    norm_has_bias,
    norm_layer,
    with_spectral_norm,
)
from ganpipe.nets.matmul_conv import Conv2d, ConvTranspose2d

SIZES = (16, 28, 32, 64, 128, 256)


class Generator(TanhGenerator):
    """Latent -> 4x4 map -> transposed convolutions with normalisation and ReLU -> image -> tanh.

    width: channels f of the last hidden map; each map before it has twice as many: 2f, f at 16 pixels; 4f, 2f, f at
    28 and 32; 8f ... f at 64; 16f ... f at 128; 32f ... f at 256.
    """

    def __init__(
        self, image: ImageShape, latent: int, classes: int, *, width: Count = 64, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        self.noise = ConditionalLatent(latent, classes)
        channels = tuple(reversed(channels_per_level(image, width)))
        bias = not norm_has_bias(norm)
        self.main = nn.Sequential(
            LatentToMap(self.noise.width, channels[0], 4, bias),
            norm_layer(norm, channels[0]),
            nn.ReLU(inplace=True),
        )
        for level, (inputs, outputs) in enumerate(pairwise(channels)):
            kernel = 3 if image.size == 28 and level == 0 else 4
            self.main.append(ConvTranspose2d(inputs, outputs, kernel, stride=2, padding=1, bias=bias))
            self.main.append(norm_layer(norm, outputs))
            self.main.append(nn.ReLU(inplace=True))
        self.main.append(ConvTranspose2d(channels[-1], image.channels, 4, stride=2, padding=1, bias=bias))

    def pre_tanh(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `TanhGenerator`."""
        images: Tensor = self.main(self.noise(z, labels))
        return images


class Discriminator(nn.Module):
    """Image -> strided convolutions with LeakyReLU(0.2) -> one logit.

    width: channels of the first map; each following map has twice as many. normalise_first: also normalise the first
    convolution, which Radford et al. (2016) leave out.
    """

    def __init__(
        self,
        image: ImageShape,
        classes: int,
        *,
        width: Count = 64,
        norm: CriticNorm = "batch",
        normalise_first: bool = False,
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        self.features = downsampling_layers(image, width, norm, dropout, normalise_first=normalise_first)
        channels, size = channels_per_level(image, width)[-1], smallest_size(image)
        self.head = with_spectral_norm(MapToLogit(channels, size, bias=not norm_has_bias(norm)), norm)
        self.projection = Projection(channels * size**2, classes, norm)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map images (N, C, H, W) and labels (N,) to logits (N,)."""
        features = self.features(images)
        logits: Tensor = self.projection(self.head(features), features, labels)
        return logits


def downsampling_layers(
    image: ImageShape, width: int, norm: CriticNorm, dropout: float, *, normalise_first: bool = False
) -> nn.Sequential:
    """Return the strided convolutions: image -> map with `channels_per_level(...)[-1]` channels of `smallest_size`."""
    layers = nn.Sequential()
    bias = not norm_has_bias(norm)
    for level, (inputs, outputs) in enumerate(pairwise((image.channels, *channels_per_level(image, width)))):
        layers.append(with_spectral_norm(Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=bias), norm))
        if level > 0 or normalise_first:
            layers.append(norm_layer(norm, outputs))
        layers.append(nn.LeakyReLU(LEAKY_SLOPE, inplace=True))
        if dropout:
            layers.append(nn.Dropout(dropout))
    return layers


def channels_per_level(image: ImageShape, width: int) -> tuple[int, ...]:
    """Return the channels of the hidden maps, from the largest map to the smallest."""
    levels = {16: 2, 28: 3, 32: 3, 64: 4, 128: 5, 256: 6}[image.size]
    return tuple(width * 2**level for level in range(levels))


def smallest_size(image: ImageShape) -> int:
    """Return the side of the discriminator's last map, in pixels."""
    return 3 if image.size == 28 else 4
