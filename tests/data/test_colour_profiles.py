"""ICC profiles and the gamma of PNG files are applied, so that pixels are in sRGB."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from ganpipe.data.read_image import read_image
from tests.data.image_files import cmyk_profile, encoded, grey_profile, png, rgb_profile
from tests.data.read_pixels import BLUE, COLOUR, COLOURS, RED, RGBA, WHITE, grey, near, palette, pixels


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_an_rgb_profile_is_converted_to_srgb(format_: str) -> None:
    options = {"JPEG": {"quality": 100}, "WEBP": {"lossless": True}}.get(format_, {})
    image = Image.new("RGB", (8, 8), RED)
    assert near(pixels(encoded(image, format_, icc_profile=rgb_profile("bgr"), **options)), BLUE, 3)


def test_a_profile_of_srgb_leaves_pixels_exactly_as_they_are() -> None:
    colours = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(pixels(encoded(Image.fromarray(colours), "PNG", icc_profile=srgb)), colours)


def test_profiles_apply_to_palettes_and_keep_transparency() -> None:
    content = encoded(palette(), "PNG", transparency=0, icc_profile=rgb_profile("bgr"))
    assert near(pixels(content), [[WHITE, RED]], 3)
    content = encoded(Image.fromarray(RGBA), "PNG", icc_profile=rgb_profile("bgr"))
    assert near(pixels(content), [[WHITE, RED]], 3)


@pytest.mark.parametrize("profile", [grey_profile(1.0), rgb_profile(gamma=1.0)])
def test_profiles_apply_to_grey_images_of_8_and_16_bits(profile: bytes) -> None:
    linear = 0.2140  # sRGB level 127.5
    for image in (
        Image.new("L", (4, 4), round(255 * linear)),
        Image.fromarray(np.full((4, 4), round(65535 * linear), np.uint16)),
    ):
        content = encoded(image, "PNG", icc_profile=profile)
        assert near(grey(content), 128, 2)


@pytest.mark.parametrize("inverted", [False, True])
def test_a_cmyk_profile_is_used_for_cmyk_images(inverted: bool) -> None:
    content = encoded(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "TIFF", icc_profile=cmyk_profile(inverted))
    assert near(pixels(content), 0 if inverted else 255, 2)


@pytest.mark.parametrize("profile", [b"not a profile", rgb_profile()[:300], cmyk_profile(False)])
def test_unusable_profiles_are_ignored_and_noted(profile: bytes) -> None:
    content = encoded(COLOUR, "PNG", icc_profile=profile)
    assert np.array_equal(pixels(content), COLOURS)
    assert read_image(content).notes == ("ICC profile ignored",)


@pytest.mark.parametrize(("gamma", "expected"), [(100_000, 188), (45_455, 128), (0, 128)])
def test_the_gamma_of_a_png_is_converted_to_srgb(gamma: int, expected: int) -> None:
    content = png(np.full((4, 4), 128), 8, 0, (b"gAMA", struct.pack(">I", gamma)))
    assert near(grey(content), expected)


def test_the_gamma_of_a_png_is_ignored_if_it_states_srgb() -> None:
    chunks = ((b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000)))
    assert near(grey(png(np.full((4, 4), 128), 8, 0, *chunks)), 128, 0)
