"""From an image to numbers: the inverse of a generator, for BiGAN and for the variational autoencoder."""

from torch import Tensor, nn

from ganpipe.common.types import Count, ImageShape, Norm
from ganpipe.nets.dcgan import halvings, last_size, widths_of

SIZES = (16, 28, 64, 128)


class Encoder(nn.Module):
    """The halvings of a DCGAN discriminator, then one linear layer.

    outputs: how many numbers an image becomes: `latent` for BiGAN, `2 * latent` (means, then log-variances)
    for a variational autoencoder.
    """

    def __init__(self, image: ImageShape, outputs: int, *, width: Count = 32, norm: Norm = "batch") -> None:
        super().__init__()
        self.main = nn.Sequential(
            halvings(image, width, norm, dropout=0.0),
            nn.Flatten(),
            nn.Linear(widths_of(image, width)[-1] * last_size(image) ** 2, outputs),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) -> numbers (N, outputs), unbounded."""
        numbers: Tensor = self.main(images)
        return numbers
