"""Multi-layer perceptrons for images of any size, as in the first GAN (Goodfellow et al. 2014)."""

from collections.abc import Iterator
from itertools import pairwise

from torch import Tensor, nn

from ganpipe.common.types import Activation, Fraction, ImageShape, Widths
from ganpipe.nets.conditional import ConditionalLatent, Projection
from ganpipe.nets.layers import TanhGenerator, activation_layer


class Generator(TanhGenerator):
    """Latent -> hidden linear layers, each with activation and dropout -> one value per pixel and channel -> tanh.

    hidden: units of each hidden layer.
    """

    def __init__(
        self,
        image: ImageShape,
        latent: int,
        classes: int,
        *,
        hidden: Widths = (256, 512),
        activation: Activation = "relu",
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        self.noise = ConditionalLatent(latent, classes)
        self.main = nn.Sequential(
            *_hidden_layers((self.noise.width, *hidden), activation, dropout),
            nn.Linear(hidden[-1], image.channels * image.size**2),
            nn.Unflatten(1, (image.channels, image.size, image.size)),
        )

    def pre_tanh(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """See `TanhGenerator`."""
        images: Tensor = self.main(self.noise(z, labels))
        return images


class Discriminator(nn.Module):
    """Pixels -> hidden linear layers, each with LeakyReLU(0.2) and dropout -> one logit."""

    def __init__(
        self,
        image: ImageShape,
        classes: int,
        *,
        hidden: Widths = (512, 256),
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        pixels = image.channels * image.size**2
        self.features = nn.Sequential(nn.Flatten(), *_hidden_layers((pixels, *hidden), "leaky_relu", dropout))
        self.head = nn.Linear(hidden[-1], 1)
        self.projection = Projection(hidden[-1], classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map images (N, C, H, W) and labels (N,) to logits (N,)."""
        features = self.features(images)
        logits: Tensor = self.projection(self.head(features).squeeze(1), features, labels)
        return logits


def _hidden_layers(widths: tuple[int, ...], activation: Activation, dropout: float) -> Iterator[nn.Module]:
    for inputs, outputs in pairwise(widths):
        yield nn.Linear(inputs, outputs)
        yield activation_layer(activation)
        if dropout:
            yield nn.Dropout(dropout)
