"""Class conditioning: label embeddings concatenated with the latent vector, and projection discriminators.

With `classes=0` both modules pass their input through, so that a network needs no branches for the unconditional case.
"""

import torch
from torch import Tensor, nn

from ganpipe.common.types import CriticNorm
from ganpipe.nets.layers import with_spectral_norm


class ConditionalLatent(nn.Module):
    """Latent vector concatenated with a learned label embedding (conditional GAN, Mirza and Osindero 2014).

    (N, latent), (N,) int64 -> (N, width), where `width` is `latent + classes`.
    """

    def __init__(self, latent: int, classes: int) -> None:
        super().__init__()
        self.width = latent + classes
        self.embedding = nn.Embedding(classes, classes) if classes else None

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Return z with the embeddings of the labels appended; labels are ignored if `classes` is 0."""
        if self.embedding is None:
            return z
        return torch.cat([z, self.embedding(require_labels(labels))], dim=1)


class Projection(nn.Module):
    """Class term of a projection discriminator (Miyato and Koyama 2018, equation 3).

    Adds the inner product of the image features and the label embedding to each logit. With `norm="spectral"` the
    embedding is spectrally normalised like the other weights of the discriminator.
    """

    def __init__(self, features: int, classes: int, norm: CriticNorm = "none") -> None:
        super().__init__()
        self.embedding: nn.Module | None = None
        if classes:
            embedding = nn.Embedding(classes, features)
            # Small initial values keep the first logits on the scale of an unconditional discriminator's.
            nn.init.normal_(embedding.weight, std=0.02)
            self.embedding = with_spectral_norm(embedding, norm)

    def forward(self, logits: Tensor, features: Tensor, labels: Tensor | None) -> Tensor:
        """Map logits (N,), features (N, ...) with `features` values per image and labels (N,) to logits (N,)."""
        if self.embedding is None:
            return logits
        embedded: Tensor = self.embedding(require_labels(labels))
        return logits + (embedded * features.flatten(1)).sum(dim=1)


def require_labels(labels: Tensor | None) -> Tensor:
    """Return the labels; raise ValueError if they are missing."""
    if labels is None:
        raise ValueError("labels: missing. A class-conditional network needs one label per image.")
    return labels
