"""How a class label enters a network: joined to the noise of a generator, projected in a discriminator.

With `classes=0` both do nothing, so that a network reads the same with and without labels.
"""

import torch
from torch import Tensor, nn


class LabelledNoise(nn.Module):
    """Noise joined with a learned embedding of the label (Mirza and Osindero 2014).

    (N, latent), (N,) int64 -> (N, width), where `width` is `latent + classes`.
    """

    def __init__(self, latent: int, classes: int) -> None:
        super().__init__()
        self.width = latent + classes
        self.embedding = nn.Embedding(classes, classes) if classes else None

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Join noise with labels; without classes, labels are ignored."""
        if self.embedding is None:
            return z
        return torch.cat([z, self.embedding(required(labels))], dim=1)


class Projection(nn.Module):
    """The class term of a projection discriminator (Miyato and Koyama 2018, equation 3).

    Adds to each logit the inner product of the image's features with the embedding of its label.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, features) if classes else None
        if self.embedding is not None:
            # Small at first, so that the logits start on the scale of an unconditional discriminator's.
            nn.init.normal_(self.embedding.weight, std=0.02)

    def forward(self, logits: Tensor, features: Tensor, labels: Tensor | None) -> Tensor:
        """Logits (N,), features (N, ...) of `features` numbers an image, labels (N,) -> logits (N,)."""
        if self.embedding is None:
            return logits
        embedded: Tensor = self.embedding(required(labels))
        return logits + (embedded * features.flatten(1)).sum(dim=1)


def required(labels: Tensor | None) -> Tensor:
    """Return the labels, or raise ValueError when a network that needs them was given none."""
    if labels is None:
        raise ValueError("a network with classes needs the labels of its images")
    return labels
