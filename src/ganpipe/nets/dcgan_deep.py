"""DCGAN variant for 28 pixels: one more block in the generator, every discriminator convolution normalised."""

from torch import Tensor, nn

from ganpipe.common.types import Count, CriticNorm, Fraction, ImageShape, Norm
from ganpipe.nets.conditional import ConditionalLatent, Projection
from ganpipe.nets.dcgan import channels_per_level, downsampling_layers, smallest_size
from ganpipe.nets.layers import LatentToMap, MapToLogit, TanhGenerator, norm_has_bias, norm_layer, with_spectral_norm
from ganpipe.nets.matmul_conv import ConvTranspose2d

SIZES = (28,)


class Generator(TanhGenerator):
    """Five transposed convolutions: 4x4 (4f), 7x7 (2f), 7x7 (2f), 14x14 (f), image.

    Normalisation and ReLU follow each of the first four, tanh follows the last. width: f.
    """

    def __init__(
        self, image: ImageShape, latent: int, classes: int, *, width: Count = 64, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        self.noise = ConditionalLatent(latent, classes)
        bias = not norm_has_bias(norm)
        self.main = nn.Sequential(
            LatentToMap(self.noise.width, 4 * width, 4, bias),
            norm_layer(norm, 4 * width),
            nn.ReLU(inplace=True),
            ConvTranspose2d(4 * width, 2 * width, 3, stride=2, padding=1, bias=bias),
            norm_layer(norm, 2 * width),
            nn.ReLU(inplace=True),
            ConvTranspose2d(2 * width, 2 * width, 3, stride=1, padding=1, bias=bias),
            norm_layer(norm, 2 * width),
            nn.ReLU(inplace=True),
            ConvTranspose2d(2 * width, width, 4, stride=2, padding=1, bias=bias),
            norm_layer(norm, width),
            nn.ReLU(inplace=True),
            ConvTranspose2d(width, image.channels, 4, stride=2, padding=1, bias=bias),
        )

    def pre_tanh(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `TanhGenerator`."""
        images: Tensor = self.main(self.noise(z, labels))
        return images


class Discriminator(nn.Module):
    """Three strided convolutions, each normalised, with LeakyReLU(0.2): 14x14 (f), 7x7 (2f), 3x3 (4f) -> one logit."""

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
        self.features = downsampling_layers(image, width, norm, dropout, normalise_first=True)
        channels, size = channels_per_level(image, width)[-1], smallest_size(image)
        self.head = with_spectral_norm(MapToLogit(channels, size, bias=not norm_has_bias(norm)), norm)
        self.projection = Projection(channels * size**2, classes, norm)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map images (N, C, 28, 28) and labels (N,) to logits (N,)."""
        features = self.features(images)
        logits: Tensor = self.projection(self.head(features), features, labels)
        return logits
