"""Conversion of stored colours to sRGB: embedded ICC profiles, and the gamma that a PNG file states."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

_IDENTITY_LEVELS = 2
"""A profile that changes no colour by more than this many levels of 255 is taken for sRGB, and pixels stay exact."""

_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Colour space of a profile -> Pillow mode of the images that it describes."""

_SRGB_GAMMA = 1 / 2.2


class ProfileError(Exception):
    """The ICC profile is damaged or does not describe images of this mode."""


def to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert an image of mode L, RGB or CMYK from its ICC profile to sRGB; returns mode L for L, otherwise RGB.

    An L image with an RGB profile is converted as RGB with equal channels. Raises ProfileError.
    """
    grey = image.mode == "L"
    try:
        mode, transform = _transform_from(profile)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError) as error:
        raise ProfileError(str(error)) from error
    if grey and mode == "RGB":
        image = image.convert("RGB")
    if image.mode != mode:
        raise ProfileError(f"a profile for {mode} images in an image of mode {image.mode}")
    if transform is None:
        return image.convert("L") if grey else image
    converted = transform.apply(image)
    return converted.getchannel("G") if grey else converted  # equal channels, except for rounding


@lru_cache(maxsize=16)
def _transform_from(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """Return the image mode of a profile and its transform to sRGB; None if the transform would change nothing."""
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    mode = _MODES[source.profile.xcolor_space.strip()]
    transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    if mode == "CMYK":
        return mode, transform
    colours = _probe_colours()
    if mode == "L":
        colours = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    probe = Image.fromarray(colours).convert(mode)
    change = np.abs(np.asarray(transform.apply(probe)).astype(int) - colours)
    return mode, None if change.max() <= _IDENTITY_LEVELS else transform


def _probe_colours() -> NDArray[np.uint8]:
    """Return all combinations of nine levels of red, green and blue (81,9,3 uint8)."""
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(81, 9, 3)


def gamma_to_srgb(image: Image.Image, gamma: float) -> Image.Image:
    """Convert an image of mode L or RGB whose samples are (linear light) ** gamma, as a PNG gAMA chunk states, to sRGB.

    A gamma near that of sRGB (1 / 2.2) changes nothing.
    """
    if gamma <= 0 or abs(gamma / _SRGB_GAMMA - 1) < 0.05:
        return image
    linear = (np.arange(256) / 255) ** (1 / gamma)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    table = np.rint(255 * encoded).astype(int).tolist()
    return image.point(table * len(image.getbands()))
