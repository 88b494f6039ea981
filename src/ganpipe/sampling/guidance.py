"""Classifier-free guidance (Ho and Salimans 2022, arXiv:2207.12598) for samplers that integrate a velocity."""

from typing import Any

import torch
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.nets.conditional import require_labels
from ganpipe.nets.registry import build_denoiser


def build_guided_network(network: str, image: ImageShape, classes: int, options: dict[str, Any]) -> nn.Module:
    """Return a network with new weights; if conditional, with one more label that stands for no class."""
    return build_denoiser(network, image, classes + 1 if classes else 0, options)


class GuidedSampler(nn.Module):
    """Base class of samplers whose velocity v(x, t) is guided by labels; subclasses implement `velocity`.

    classes: number of classes, which is also the label of no class; 0 if unconditional.
    guidance: w in v(none) + w (v(label) - v(none)) (Ho and Salimans 2022, equation 6 with 1 + w there as w here).
    At 1 the network is evaluated with the labels alone; otherwise each evaluation is a batch of twice the size.
    """

    def __init__(self, network: nn.Module, image: ImageShape, classes: int, guidance: float) -> None:
        super().__init__()
        self.network = network
        self.image, self.classes, self.guidance = image, classes, guidance

    def velocity(self, x: Tensor, t: float, labels: Tensor | None) -> Tensor:
        """Return dx/dt of images (N, C, H, W) at one time, from one evaluation of the network."""
        raise NotImplementedError

    def guided_velocity(self, x: Tensor, t: float, labels: Tensor | None) -> Tensor:
        """Return dx/dt with guidance."""
        if not self.classes or self.guidance == 1:
            return self.velocity(x, t, labels)
        given = require_labels(labels)
        twice = torch.cat([torch.full_like(given, self.classes), given])
        without, conditional = self.velocity(torch.cat([x, x]), t, twice).chunk(2)
        return without + self.guidance * (conditional - without)

    def as_images(self, z: Tensor) -> Tensor:
        """Return latent vectors (N, C*H*W) in the shape of images (N, C, H, W)."""
        return z.view(-1, self.image.channels, self.image.size, self.image.size)
