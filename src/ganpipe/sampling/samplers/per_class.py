"""One generator for each class: the label chooses which of them makes an image."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ganpipe.nets.conditional import required
from ganpipe.nets.registry import build_generator
from ganpipe.sampling.description import Description


def build(description: Description) -> nn.Module:
    """As many unconditional generators as there are classes."""
    return PerClass(
        build_generator(description.network, description.image, description.latent, 0, description.options)
        for _ in range(description.classes)
    )


class PerClass(nn.Module):
    """Generators by class."""

    def __init__(self, generators: Iterable[nn.Module]) -> None:
        super().__init__()
        self.generators = nn.ModuleList(generators)

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Noise (N, latent) and labels (N,) -> images (N, C, H, W), each from the generator of its class."""
        wanted = required(labels)
        made = [
            (where, generator(z[where]))
            for label, generator in enumerate(self.generators)
            if len(where := (wanted == label).nonzero().flatten())
        ]
        order = torch.cat([where for where, _ in made]).argsort()
        return torch.cat([images for _, images in made])[order]
