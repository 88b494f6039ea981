"""Differentiable augmentation (Zhao et al. 2020): what the discriminator sees, real and generated alike.

Each policy is a function images -> images of (N, C, H, W), named as the setting names it. It is drawn anew
for each image from torch's global CPU generator, and gradients flow through it to the generator. Images come
in [-1, 1]; colours may leave that range, and pixels brought in from outside are 0, as in the authors' code.
"""

import torch
from torch import Tensor

TRANSLATION = 1 / 8
"""Largest shift, as a fraction of the side."""

CUTOUT = 1 / 2
"""Side of the hole, as a fraction of the side."""


def color(images: Tensor) -> Tensor:
    """Brightness + U(-0.5, 0.5), then saturation x U(0, 2), then contrast x U(0.5, 1.5)."""
    images = images + (_uniform(images) - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = torch.lerp(grey, images, 2 * _uniform(images))
    level = images.mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(level, images, 0.5 + _uniform(images))


def translation(images: Tensor) -> Tensor:
    """Shift by up to an eighth of the side, down or up and right or left."""
    reach = round(images.shape[-1] * TRANSLATION)
    # A shift is a product with a shifted identity. Its gradient is a product too, which adds up in the same
    # order every time; that of indexing need not.
    down, right = (_shifts(images, reach) for _ in range(2))
    return down @ images @ right.mT


def cutout(images: Tensor) -> Tensor:
    """Set a square of half the side to 0; its centre may be anywhere, so part of it may lie outside."""
    length = round(images.shape[-1] * CUTOUT)
    rows, columns = (_spans(images, length) for _ in range(2))
    hole = rows.unsqueeze(-1) & columns.unsqueeze(-2)
    return images * (~hole).to(images)


def _uniform(images: Tensor) -> Tensor:
    """One number in [0, 1) for each image, (N, 1, 1, 1)."""
    return torch.rand(len(images), 1, 1, 1).to(images)


def _shifts(images: Tensor, reach: int) -> Tensor:
    """One matrix (N, 1, side, side) for each image that shifts by -reach..reach places."""
    side = images.shape[-1]
    shift = torch.randint(-reach, reach + 1, (len(images), 1, 1, 1))
    place = torch.arange(side)
    return (place.unsqueeze(-1) == place + shift).to(images)


def _spans(images: Tensor, length: int) -> Tensor:
    """One mask (N, 1, side) for each image: True on `length` places about a random centre."""
    side = images.shape[-1]
    centre = torch.randint(0, side + (1 - length % 2), (len(images), 1, 1))
    place = torch.arange(side)
    first = centre - length // 2
    return (place >= first) & (place < first + length)
