"""The discriminator of pairs of an image and its latent vector, for BiGAN (Donahue et al. 2017)."""

import torch
from torch import Tensor, nn

from ganpipe.common.types import Count, CriticNorm, Fraction, ImageShape
from ganpipe.nets.dcgan import halvings, last_size, widths_of
from ganpipe.nets.layers import LEAK

SIZES = (16, 28, 64, 128)


class JointDiscriminator(nn.Module):
    """The halvings of a DCGAN discriminator for the image, a linear layer for z, two more for both."""

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
        self.image_features = nn.Sequential(halvings(image, width, norm, dropout), nn.Flatten())
        hidden = 8 * width
        self.latent_features = nn.Sequential(nn.Linear(latent, hidden), nn.LeakyReLU(LEAK, inplace=True))
        self.head = nn.Sequential(
            nn.Linear(widths_of(image, width)[-1] * last_size(image) ** 2 + hidden, hidden),
            nn.LeakyReLU(LEAK, inplace=True),
            nn.Dropout(dropout),
            nn.Linear(hidden, 1),
        )

    def forward(self, images: Tensor, z: Tensor) -> Tensor:
        """Images (N, C, H, W) and latent vectors (N, latent) -> logits (N,)."""
        features = torch.cat([self.image_features(images), self.latent_features(z)], dim=1)
        logits: Tensor = self.head(features).squeeze(1)
        return logits
