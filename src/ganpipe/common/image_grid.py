"""Image grids, written as PNG files with reproducible bytes."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganpipe.common.atomic import atomic_file

GAP = 2
"""Pixels between the images of a grid, and around them."""
_WHITE = 255


def tile(images: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Arrange images (N, C, H, W), C 1 or 3, row by row with white gaps; return one image (H', W', C)."""
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, channels), _WHITE, dtype=np.uint8)
    for position, image in enumerate(images):
        row, column = divmod(position, columns)
        top, left = row * (height + GAP) + GAP, column * (width + GAP) + GAP
        sheet[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    return sheet


def save_png(sheet: NDArray[np.uint8], path: Path, scale: int = 1) -> None:
    """Write an image (H, W, C) as PNG, enlarged `scale` times without interpolation."""
    image = Image.fromarray(sheet[..., 0] if sheet.shape[-1] == 1 else sheet)
    if scale > 1:
        image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    with atomic_file(path) as part:
        image.save(part, format="PNG", optimize=False)


def save_grid(images: NDArray[np.uint8], path: Path, columns: int, scale: int = 1) -> None:
    """Write images (N, C, H, W) as one PNG grid."""
    save_png(tile(images, columns), path, scale)
