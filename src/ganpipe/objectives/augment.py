"""Differentiable augmentation T of the discriminator's input (DiffAugment, Zhao et al. 2020, section 3).

D is trained on D(T(x)) and D(T(G(z))), and G through T on D(T(G(z))). One function images -> images (N, C, H, W) per
value of the setting `augment`. Parameters are drawn independently for each image from torch's global random generator.
Images are in [-1, 1]; `color` may leave that range, and `translation` pads with 0, as the authors' code does.
"""

import torch
from torch import Tensor

TRANSLATION = 1 / 8
"""Largest shift, as a fraction of the side."""

CUTOUT = 1 / 2
"""Side of the square, as a fraction of the side of the image."""


def color(images: Tensor) -> Tensor:
    """Change brightness by U(-0.5, 0.5), then scale saturation by U(0, 2), then contrast by U(0.5, 1.5)."""
    images = images + (_uniform(images) - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = torch.lerp(grey, images, 2 * _uniform(images))
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean, images, 0.5 + _uniform(images))


def translation(images: Tensor) -> Tensor:
    """Shift by up to an eighth of the side in both directions."""
    reach = round(images.shape[-1] * TRANSLATION)
    # Shifting is a product with a shifted identity matrix. Its gradient is a matrix product too, which is
    # deterministic on every device; the gradient of indexing is not.
    vertical, horizontal = (_shift_matrices(images, reach) for _ in range(2))
    return vertical @ images @ horizontal.mT


def cutout(images: Tensor) -> Tensor:
    """Set a square of half the side to 0; its centre is anywhere in the image, so part of it may lie outside."""
    length = round(images.shape[-1] * CUTOUT)
    rows, columns = (_span_masks(images, length) for _ in range(2))
    hole = rows.unsqueeze(-1) & columns.unsqueeze(-2)
    return images * (~hole).to(images.dtype)


def _uniform(images: Tensor) -> Tensor:
    """Draw one number in [0, 1) per image, (N, 1, 1, 1)."""
    return torch.rand(len(images), 1, 1, 1, device=images.device).to(images.dtype)


def _shift_matrices(images: Tensor, reach: int) -> Tensor:
    """Draw one matrix (N, 1, side, side) per image that shifts by -reach..reach pixels."""
    side = images.shape[-1]
    shift = torch.randint(-reach, reach + 1, (len(images), 1, 1, 1), device=images.device)
    index = torch.arange(side, device=images.device)
    return (index.unsqueeze(-1) == index + shift).to(images.dtype)


def _span_masks(images: Tensor, length: int) -> Tensor:
    """Draw one mask (N, 1, side) per image: True on `length` pixels around a random centre."""
    side = images.shape[-1]
    centre = torch.randint(0, side + (1 - length % 2), (len(images), 1, 1), device=images.device)
    index = torch.arange(side, device=images.device)
    first = centre - length // 2
    return (index >= first) & (index < first + length)
