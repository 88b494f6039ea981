"""Joint discriminator of BiGAN (Donahue et al. 2017): one logit per pair of image and latent vector."""

import torch
from torch import Tensor, nn

from ganpipe.common.types import Count, CriticNorm, Fraction, ImageShape
from ganpipe.nets.dcgan import channels_per_level, downsampling_layers, smallest_size
from ganpipe.nets.layers import LEAKY_SLOPE, with_spectral_norm

SIZES = (16, 28, 32, 64, 128, 256)


class JointDiscriminator(nn.Module):
    """The strided convolutions of a DCGAN discriminator for x, a linear layer for z, two linear layers for both."""

    def __init__(
        self,
        image: ImageShape,
        latent: int,
        *,
        width: Count = 32,
        norm: CriticNorm = "batch",
        dropout: Fraction = 0.0,
    ) -> None:
        super().__init__()
        self.image_features = nn.Sequential(downsampling_layers(image, width, norm, dropout), nn.Flatten())
        hidden = 8 * width
        self.latent_features = nn.Sequential(
            with_spectral_norm(nn.Linear(latent, hidden), norm), nn.LeakyReLU(LEAKY_SLOPE, inplace=True)
        )
        features = channels_per_level(image, width)[-1] * smallest_size(image) ** 2
        self.head = nn.Sequential(
            with_spectral_norm(nn.Linear(features + hidden, hidden), norm),
            nn.LeakyReLU(LEAKY_SLOPE, inplace=True),
            nn.Dropout(dropout),
            with_spectral_norm(nn.Linear(hidden, 1), norm),
        )

    def forward(self, images: Tensor, z: Tensor) -> Tensor:
        """Map images (N, C, H, W) and latent vectors (N, latent) to logits (N,)."""
        features = torch.cat([self.image_features(images), self.latent_features(z)], dim=1)
        logits: Tensor = self.head(features).squeeze(1)
        return logits
