"""One generator per class: the label of an image selects its generator."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ganpipe.nets.conditional import require_labels
from ganpipe.nets.registry import build_generator
from ganpipe.sampling.description import Description


def build(description: Description) -> nn.Module:
    """Build one unconditional generator for each class."""
    return PerClass(
        build_generator(description.network, description.image, description.latent, 0, description.options)
        for _ in range(description.classes)
    )


class PerClass(nn.Module):
    """One generator for each class, in the order of class numbers."""

    def __init__(self, generators: Iterable[nn.Module]) -> None:
        super().__init__()
        self.generators = nn.ModuleList(generators)

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Map noise (N, latent) and labels (N,) to images (N, C, H, W), each from the generator of its class."""
        given = require_labels(labels)
        by_class = [
            (rows, generator(z[rows]))
            for label, generator in enumerate(self.generators)
            if len(rows := (given == label).nonzero().flatten())
        ]
        order = torch.cat([rows for rows, _ in by_class]).argsort()
        return torch.cat([images for _, images in by_class])[order]
