"""DCGAN for 28 pixels, one block deeper in the generator, normalised throughout in the discriminator."""

from torch import Tensor, nn

from ganpipe.common.types import Count, CriticNorm, Fraction, ImageShape, Norm
from ganpipe.nets.conditional import LabelledNoise, Projection
from ganpipe.nets.dcgan import halvings, last_size, widths_of
from ganpipe.nets.layers import MapToLogit, NoiseToMap, brings_shift, constrained, norm_layer
from ganpipe.nets.lowering import ConvTranspose2d

SIZES = (28,)


class Generator(nn.Module):
    """Five transposed convolutions: 4x4 (4f), 7x7 (2f), 7x7 (2f), 14x14 (f), image.

    Each but the last is followed by normalisation and ReLU, the last by tanh. `width` is f.
    """

    def __init__(
        self, image: ImageShape, latent: int, classes: int, *, width: Count = 64, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        self.noise = LabelledNoise(latent, classes)
        bias = not brings_shift(norm)
        self.main = nn.Sequential(
            NoiseToMap(self.noise.width, 4 * width, 4, bias),
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
            nn.Tanh(),
        )

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Noise (N, latent) and labels (N,) -> images (N, C, 28, 28) in [-1, 1]."""
        images: Tensor = self.main(self.noise(z, labels))
        return images


class Discriminator(nn.Module):
    """Three halvings with normalisation and LeakyReLU(0.2): 14x14 (f), 7x7 (2f), 3x3 (4f) -> one logit."""

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
        self.features = halvings(image, width, norm, dropout, first_normed=True)
        channels, size = widths_of(image, width)[-1], last_size(image)
        self.head = constrained(MapToLogit(channels, size, bias=not brings_shift(norm)), norm)
        self.projection = Projection(channels * size**2, classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, 28, 28) and labels (N,) -> logits (N,)."""
        features = self.features(images)
        logits: Tensor = self.projection(self.head(features), features, labels)
        return logits
