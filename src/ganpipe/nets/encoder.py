"""Image encoder for BiGAN and the variational autoencoder."""

from torch import Tensor, nn

from ganpipe.common.types import Count, ImageShape, Norm
from ganpipe.nets.dcgan import channels_per_level, downsampling_layers, smallest_size

SIZES = (16, 28, 32, 64, 128, 256)


class Encoder(nn.Module):
    """The strided convolutions of a DCGAN discriminator, then one linear layer.

    outputs: numbers per image: `latent` for BiGAN, `2 * latent` (means, then log-variances) for a VAE.
    """

    def __init__(self, image: ImageShape, outputs: int, *, width: Count = 32, norm: Norm = "batch") -> None:
        super().__init__()
        self.main = nn.Sequential(
            downsampling_layers(image, width, norm, dropout=0.0),
            nn.Flatten(),
            nn.Linear(channels_per_level(image, width)[-1] * smallest_size(image) ** 2, outputs),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images (N, C, H, W) to unbounded numbers (N, outputs)."""
        code: Tensor = self.main(images)
        return code
