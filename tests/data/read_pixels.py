"""Reading of encoded images into pixels, and the colours that the tests compare."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganpipe.data.read_image import read_image

WHITE, RED, BLUE = (255, 255, 255), (255, 0, 0), (0, 0, 255)
COLOURS = (
    np.array([[RED, (0, 255, 0), BLUE], [(10, 20, 30), WHITE, (200, 100, 50)]], dtype=np.uint8)
    .repeat(8, 0)
    .repeat(8, 1)
)
COLOUR = Image.fromarray(COLOURS)
# Two pixels: transparent red, opaque blue.
RGBA = np.array([[[255, 0, 0, 0], [0, 0, 255, 255]]], dtype=np.uint8)


def palette() -> Image.Image:
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    return image


def pixels(content: bytes, background: str = "white") -> NDArray[np.uint8]:
    return np.asarray(read_image(content, background).image.convert("RGB"))


def grey(content: bytes) -> NDArray[np.uint8]:
    found = read_image(content)
    assert found.grey
    return np.asarray(found.image.convert("L"))


def near(found: NDArray[np.uint8], expected: Any, levels: int = 1) -> bool:
    return bool((np.abs(found.astype(int) - np.asarray(expected)) <= levels).all())
