"""Conversion of every pixel mode of Pillow to 8-bit grey or colour with alpha, the way an image viewer shows it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SIGNED = 2
_TAG_BITS, _TAG_PHOTOMETRIC, _TAG_SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO = 0
_ROWS = 64


class PixelModeError(Exception):
    """Pixel values whose black and white levels are unknown."""


def to_eight_bits(image: Image.Image, content: bytes) -> Image.Image:
    """Convert a loaded image to mode L, LA, RGB, RGBA or CMYK.

    content: the image file; the header of a PNG states the bit depth that its transparent colour refers to.

    - 1-bit, palette, premultiplied alpha, YCbCr, HSV and LAB images are converted by Pillow.
    - A transparent colour (PNG, GIF) becomes an alpha channel.
    - Integers wider than 8 bits are scaled by the range of their bit depth, not of their values.
    - Floating-point values must be in [0, 1].

    Raises PixelModeError for floating-point values outside [0, 1], signed integers, and wide integers that use such a
    small part of their range that the image would be black.
    """
    match image.mode:
        case "I;16" | "I;16L" | "I;16B" | "I;16N" | "I" | "F":
            return _with_transparent_level(_wide_to_grey(image), image)
        case "1" | "L" | "RGB":
            if "transparency" not in image.info:
                return image.convert("L") if image.mode == "1" else image
            image.info["transparency"] = _transparent_colour(image, content)
            return image.convert("RGBA" if image.mode == "RGB" else "LA")
        case "P":
            has_alpha = "transparency" in image.info or (image.palette is not None and image.palette.mode == "RGBA")
            return image.convert("RGBA" if has_alpha else "RGB")
        case "LA" | "RGBA" | "CMYK":
            return image
        case "La":
            return image.convert("LA")
        case "PA" | "RGBa":
            return image.convert("RGBA")
        case "RGBX" | "YCbCr" | "HSV" | "LAB":
            return image.convert("RGB")
        case _:
            raise PixelModeError(f"unsupported pixel mode {image.mode}")


def _transparent_colour(image: Image.Image, content: bytes) -> int | tuple[int, ...]:
    """Return the transparent colour of a PNG in 8-bit levels; Pillow reports it in levels of the bit depth."""
    colour: int | tuple[int, ...] = image.info["transparency"]
    if image.format != "PNG" or image.mode == "1":
        return colour
    depth = content[24]
    if isinstance(colour, tuple):
        return tuple(level >> (depth - 8) for level in colour)  # Pillow keeps the high byte of 16-bit colours
    return colour * 255 // ((1 << depth) - 1)


def _with_transparent_level(grey: Image.Image, image: Image.Image) -> Image.Image:
    """Make the pixels transparent whose original value is the transparent level of a 16-bit PNG."""
    if "transparency" not in image.info:
        return grey
    opaque = np.asarray(image) != image.info["transparency"]
    return Image.merge("LA", (grey, Image.fromarray(np.where(opaque, 255, 0).astype(np.uint8))))


def _wide_to_grey(image: Image.Image) -> Image.Image:
    values, highest = _values_and_range(image)
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > highest:
        raise PixelModeError(
            f"pixel values from {values.min():g} to {values.max():g}; supported are values from 0 to {highest:g}"
        )
    levels = np.empty(values.shape, dtype=np.uint8)
    for start in range(0, len(values), _ROWS):  # limits the memory of floating-point intermediates
        levels[start : start + _ROWS] = np.rint(values[start : start + _ROWS] * (255.0 / highest))
    if levels.max() <= 1 and values.max() > levels.max() and values.dtype.kind != "f":
        raise PixelModeError(f"pixel values up to {values.max()} of {highest:g} would be black; convert it to 8 bits")
    if getattr(image, "tag_v2", {}).get(_TAG_PHOTOMETRIC) == _WHITE_IS_ZERO:
        levels = 255 - levels
    return Image.fromarray(levels)


def _values_and_range(image: Image.Image) -> tuple[NDArray[np.number[Any]], float]:
    """Return the pixel values (H,W) of a wide mode and the value of white."""
    values = np.asarray(image)
    tags = getattr(image, "tag_v2", {})
    if image.mode == "F":
        return values, 1.0
    if image.mode != "I":
        bits = tags.get(_TAG_BITS, (16,))[0]
        return values, float((1 << bits) - 1)
    if image.format == "TIFF":
        if tags.get(_TAG_SAMPLE_FORMAT, (1,))[0] == _SIGNED:
            raise PixelModeError("signed integers, for which black and white are not defined; convert it to 8 bits")
        return values.view(np.uint32), float((1 << 32) - 1)
    if image.format in ("PPM", "PNG"):
        return values, 65535.0
    raise PixelModeError(f"32-bit integers in a {image.format} file")
