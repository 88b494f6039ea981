"""The convolutional GAN of the Keras and TensorFlow tutorials: a dense layer followed by 5x5 convolutions."""

from torch import Tensor, nn

from ganpipe.common.types import Count, Fraction, ImageShape
from ganpipe.nets.conditional import ConditionalLatent, Projection
from ganpipe.nets.layers import TanhGenerator
from ganpipe.nets.matmul_conv import Conv2d, ConvTranspose2d

SIZES = (16, 28, 32, 64, 128, 256)

LEAKY_SLOPE = 0.3
"""Negative slope of LeakyReLU, the default in Keras."""


class Generator(TanhGenerator):
    """Latent -> dense -> map of a quarter of the side (4f) -> same side (2f) -> half (f) -> image -> tanh.

    BatchNorm and LeakyReLU(0.3) follow every hidden layer. width: f; the tutorial's 7x7x256 is f = 64. The dense layer
    grows with the square of the side: with f = 64 and 100 latents it has 1.3 million weights at 28 pixels, 105 million
    at 256.
    """

    def __init__(self, image: ImageShape, latent: int, classes: int, *, width: Count = 64) -> None:
        super().__init__()
        self.noise = ConditionalLatent(latent, classes)
        quarter = image.size // 4
        features = 4 * width * quarter**2
        self.main = nn.Sequential(
            nn.Linear(self.noise.width, features, bias=False),
            nn.BatchNorm1d(features),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            nn.Unflatten(1, (4 * width, quarter, quarter)),
            ConvTranspose2d(4 * width, 2 * width, 5, stride=1, padding=2, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            ConvTranspose2d(2 * width, width, 5, stride=2, padding=2, output_padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            ConvTranspose2d(width, image.channels, 5, stride=2, padding=2, output_padding=1, bias=False),
        )

    def pre_tanh(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `TanhGenerator`."""
        images: Tensor = self.main(self.noise(z, labels))
        return images


class Discriminator(nn.Module):
    """Image -> half the side (f) -> a quarter (2f), each with LeakyReLU(0.3) and dropout -> dense -> one logit."""

    def __init__(self, image: ImageShape, classes: int, *, width: Count = 64, dropout: Fraction = 0.3) -> None:
        super().__init__()
        self.features = nn.Sequential(
            Conv2d(image.channels, width, 5, stride=2, padding=2),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            nn.Dropout(dropout),
            Conv2d(width, 2 * width, 5, stride=2, padding=2),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            nn.Dropout(dropout),
            nn.Flatten(),
        )
        features = 2 * width * (image.size // 4) ** 2
        self.head = nn.Linear(features, 1)
        self.projection = Projection(features, classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map images (N, C, H, W) and labels (N,) to logits (N,)."""
        features = self.features(images)
        logits: Tensor = self.projection(self.head(features).squeeze(1), features, labels)
        return logits
