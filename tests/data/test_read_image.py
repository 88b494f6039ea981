"""Every kind of image file is read the way an image viewer shows it, or rejected with a reason."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from ganpipe.data.read_image import ImageError, ReadImage, read_image
from tests.data.image_files import encoded, png, tiff
from tests.data.read_pixels import BLUE, COLOUR, COLOURS, RED, RGBA, WHITE, grey, near, palette, pixels

RAMP = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
RAMP_8 = np.rint(RAMP / 257).astype(np.uint8)


GREY_FILES = {
    "8-bit PNG": encoded(Image.fromarray(RAMP_8), "PNG"),
    "16-bit PNG": encoded(Image.fromarray(RAMP), "PNG"),
    "16-bit PNG of grey and alpha": png(np.dstack([RAMP, np.full_like(RAMP, 65535)]), 16, 4),
    "16-bit TIFF": encoded(Image.fromarray(RAMP), "TIFF"),
    "16-bit big-endian TIFF": tiff(RAMP.astype(">u2").tobytes(), 64, 64, True, bits=16, photometric=1),
    "16-bit TIFF, white is zero": tiff((65535 - RAMP).tobytes(), 64, 64, bits=16, photometric=0),
    "8-bit TIFF, white is zero": tiff((255 - RAMP_8).tobytes(), 64, 64, bits=8, photometric=0),
    "unsigned 32-bit TIFF": tiff((RAMP.astype("<u4") * 65537).tobytes(), 64, 64, bits=32, photometric=1),
    "float TIFF": encoded(Image.fromarray(RAMP.astype(np.float32) / 65535), "TIFF"),
    "float TIFF, white is zero": tiff(
        (1 - RAMP / 65535).astype("<f4").tobytes(), 64, 64, bits=32, photometric=0, sample_format=3
    ),
    "TIFF of grey and alpha": encoded(
        Image.merge("LA", (Image.fromarray(RAMP_8), Image.new("L", (64, 64), 255))), "TIFF"
    ),
    "16-bit PGM": encoded(Image.fromarray(RAMP.astype(np.int32)), "PPM"),
    "PFM": encoded(Image.fromarray(RAMP.astype(np.float32) / 65535), "PPM"),
    "BMP": encoded(Image.fromarray(RAMP_8), "BMP"),
    "GIF": encoded(Image.fromarray(RAMP_8), "GIF"),
    "grey stored as colour": encoded(Image.fromarray(RAMP_8).convert("RGB"), "PNG"),
    "lossless WebP": encoded(Image.fromarray(RAMP_8).convert("RGB"), "WEBP", lossless=True),
}


@pytest.mark.parametrize("name", GREY_FILES)
def test_grey_files_of_every_depth_have_the_same_levels(name: str) -> None:
    assert near(grey(GREY_FILES[name]), RAMP_8)


def test_a_12_bit_tiff_is_scaled_by_its_depth() -> None:
    packed = bytes.fromhex("000800fff800")  # two rows of two 12-bit levels: 0x000, 0x800 and 0xfff, 0x800
    assert near(grey(tiff(packed, 2, 2, bits=12, photometric=1)), [[0, 128], [255, 128]])


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_grey_levels_of_less_than_8_bits_are_scaled(depth: int) -> None:
    levels = np.arange(1 << depth)[None]
    assert near(grey(png(levels, depth, 0)), levels * 255 // ((1 << depth) - 1), 0)
    assert near(grey(encoded(Image.fromarray(np.array([[False, True]])), "TIFF")), [[0, 255]], 0)


COLOUR_FILES = {
    "PNG": (encoded(COLOUR, "PNG"), 0),
    "16-bit PNG": (png(COLOURS.astype(np.uint16) * 257, 16, 2), 0),
    "16-bit TIFF": (tiff((COLOURS.astype("<u2") * 257).tobytes(), 24, 16, bits=(16,) * 3, photometric=2, samples=3), 0),
    "palette PNG": (encoded(COLOUR.quantize(16), "PNG"), 0),
    "palette TIFF": (encoded(COLOUR.quantize(16), "TIFF"), 0),
    "palette BMP": (encoded(COLOUR.quantize(16), "BMP"), 0),
    "GIF": (encoded(COLOUR.quantize(16), "GIF"), 0),
    "JPEG": (encoded(COLOUR, "JPEG", quality=100, subsampling=0), 4),
    "CMYK JPEG": (encoded(COLOUR.convert("CMYK"), "JPEG", quality=100, subsampling=0), 4),
    "CMYK TIFF": (encoded(COLOUR.convert("CMYK"), "TIFF"), 1),
    "YCbCr TIFF": (encoded(COLOUR.convert("YCbCr"), "TIFF"), 2),
    "RGBX TIFF": (encoded(COLOUR.convert("RGBX"), "TIFF"), 0),
    "lossless WebP": (encoded(COLOUR, "WEBP", lossless=True), 0),
    "AVIF": (encoded(COLOUR, "AVIF", quality=100, subsampling="4:4:4"), 6),
}


@pytest.mark.parametrize("name", COLOUR_FILES)
def test_colour_files_of_every_mode_have_the_same_colours(name: str) -> None:
    content, levels = COLOUR_FILES[name]
    assert near(pixels(content), COLOURS, levels)
    assert not read_image(content).grey
    assert read_image(content).notes == ()


def test_lab_is_converted() -> None:
    image = COLOUR.crop((0, 8, 24, 16))  # without saturated colours, which 8-bit LAB rounds coarsely
    assert near(pixels(encoded(image.convert("LAB"), "TIFF")), np.asarray(image), 2)


def _pa() -> bytes:
    return encoded(palette(), "PNG", transparency=bytes([0, 255]))


TRANSPARENT_FILES = {
    "RGBA PNG": encoded(Image.fromarray(RGBA), "PNG"),
    "16-bit RGBA PNG": png(RGBA.astype(np.uint16) * 257, 16, 6),
    "RGBA TIFF": encoded(Image.fromarray(RGBA), "TIFF"),
    "RGBA TIFF, premultiplied": tiff(
        bytes([0, 0, 0, 0, 0, 0, 255, 255]), 2, 1, bits=(8,) * 4, photometric=2, samples=4, extra=1
    ),
    "RGBA WebP": encoded(Image.fromarray(RGBA), "WEBP", lossless=True),
    "palette PNG with one transparent entry": encoded(palette(), "PNG", transparency=0),
    "palette PNG with alpha of every entry": _pa(),
    "GIF with a transparent entry": encoded(palette(), "GIF", transparency=0),
    "RGB PNG with a transparent colour": encoded(Image.fromarray(RGBA[..., :3]), "PNG", transparency=RED),
    "16-bit RGB PNG with a transparent colour": png(
        RGBA[..., :3].astype(np.uint16) * 257, 16, 2, (b"tRNS", struct.pack(">3H", 65535, 0, 0))
    ),
}


@pytest.mark.parametrize("name", TRANSPARENT_FILES)
def test_transparent_pixels_show_the_background(name: str) -> None:
    assert near(pixels(TRANSPARENT_FILES[name]), [[WHITE, BLUE]], 0)
    assert near(pixels(TRANSPARENT_FILES[name], "#804020"), [[(0x80, 0x40, 0x20), BLUE]], 0)
    assert read_image(TRANSPARENT_FILES[name]).notes == ("transparent",)


@pytest.mark.parametrize(
    ("depth", "levels", "transparent"),
    [(1, [0, 1], 1), (2, [2, 3], 2), (4, [7, 3], 7), (8, [9, 99], 9), (16, [30_000, 30_001], 30_000)],
)
def test_a_transparent_level_of_a_grey_png_shows_the_background(
    depth: int, levels: list[int], transparent: int
) -> None:
    content = png(np.array([levels]), depth, 0, (b"tRNS", struct.pack(">H", transparent)))
    shown = pixels(content, "red")[0]
    assert [tuple(colour) == RED for colour in shown.tolist()] == [level == transparent for level in levels]
    assert read_image(content).notes == ("transparent",)


@pytest.mark.parametrize("premultiplied", [False, True])
def test_grey_with_alpha_shows_the_background(premultiplied: bool) -> None:
    data = bytes([0, 0, 64 if premultiplied else 128, 128])  # transparent; half-transparent grey 128
    content = tiff(data, 2, 1, bits=(8, 8), photometric=1, samples=2, extra=1 if premultiplied else 2)
    assert near(pixels(content), [[WHITE, (191,) * 3]])


def test_half_transparent_colours_are_mixed_with_the_background() -> None:
    content = encoded(Image.new("RGBA", (1, 1), (255, 0, 0, 128)), "PNG")
    assert near(pixels(content), [[(255, 127, 127)]])
    assert near(pixels(content, "black"), [[(128, 0, 0)]])


def test_transparent_avif_files_are_composited() -> None:
    content = encoded(Image.new("RGBA", (32, 32), (0, 0, 255, 64)), "AVIF", quality=100, subsampling="4:4:4")
    assert near(pixels(content), (191, 191, 255), 2)


def test_an_alpha_channel_that_is_opaque_everywhere_is_not_noted() -> None:
    assert read_image(encoded(Image.new("RGBA", (2, 2), (1, 2, 3, 255)), "PNG")).notes == ()


def test_colours_that_are_hidden_by_transparency_do_not_count_as_colour() -> None:
    hidden = np.array([[[255, 0, 0, 0], [9, 9, 9, 255]]], dtype=np.uint8)
    assert read_image(encoded(Image.fromarray(hidden), "PNG"), "blue").grey
    assert not read_image(encoded(Image.fromarray(RGBA), "PNG")).grey


FRAMES = [Image.new("RGB", (4, 4), colour) for colour in (RED, BLUE)]


@pytest.mark.parametrize("format_", ["GIF", "PNG", "TIFF", "WEBP", "MPO", "AVIF"])
def test_the_first_frame_is_used_and_noted(format_: str) -> None:
    options = {"WEBP": {"lossless": True}, "MPO": {"quality": 100}}.get(format_, {})
    found = read_image(encoded(FRAMES[0], format_, save_all=True, append_images=FRAMES[1:], **options))
    assert near(np.asarray(found.image.convert("RGB")), RED, 6)
    assert found.notes == ("several frames",)


def test_a_first_frame_that_does_not_cover_the_canvas_shows_the_background_of_the_file() -> None:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([*RED, *BLUE])
    image.putpixel((0, 1), 0)  # so that the palette keeps red as its background
    content = bytearray(encoded(image, "GIF"))
    content[6:8] = struct.pack("<H", 4)  # the canvas is 4 wide, the frame 2
    shown = pixels(bytes(content))[0].tolist()
    assert shown[:2] == [list(BLUE)] * 2
    assert shown[2:] == [list(RED)] * 2


def test_a_damaged_second_frame_does_not_matter() -> None:
    content = encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:])
    for cut in range(len(content) - 30, len(content)):
        assert near(pixels(content[:cut]), RED, 0)


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "AVIF"])
def test_truncated_files_are_rejected(format_: str) -> None:
    content = encoded(NOISE, format_)
    for share in (0.3, 0.6, 0.9):
        with pytest.raises(ImageError) as error:
            read_image(content[: int(len(content) * share)])
        assert error.value.problem in ("damaged", "not an image")
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "empty"),
        (b"just some text", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),  # reading EPS starts another program
        (encoded(COLOUR, "PCX"), "not an image"),
        (encoded(Image.fromarray(RAMP.astype(np.float32)), "TIFF"), "unsupported"),
        (encoded(Image.fromarray(np.full((2, 2), np.nan, np.float32)), "TIFF"), "unsupported"),
        (encoded(Image.fromarray(RAMP.astype(np.int32)), "TIFF"), "unsupported"),  # signed
        (tiff(np.full(4, 200, "<u4").tobytes(), 2, 2, bits=32, photometric=1), "unsupported"),  # would be black
        (tiff(np.full(4, -5, "<i2").tobytes(), 2, 2, bits=16, photometric=1, sample_format=2), "unsupported"),
        (encoded(Image.fromarray(np.full((2, 2), 255, np.uint16)), "PNG"), "unsupported"),  # would be black
        (png(np.zeros((1, 1)), 8, 0)[:16] + struct.pack(">II", 60_000, 60_000) + bytes(40), "not an image"),  # CRC
    ],
)
def test_unreadable_files_are_rejected_with_the_kind_of_problem(content: bytes, problem: str) -> None:
    with pytest.raises(ImageError) as error:
        read_image(content)
    assert error.value.problem == problem


def huge_png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    parts = b"".join(
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part)) for part in (header, data)
    )
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (60_000, 60_000)])
def test_images_of_too_many_pixels_are_rejected_before_they_are_decoded(width: int, height: int) -> None:
    with pytest.raises(ImageError) as error:
        read_image(huge_png(width, height))
    assert error.value.problem == "too large"


def test_a_black_image_of_16_bits_is_not_rejected() -> None:
    assert not grey(encoded(Image.fromarray(np.zeros((4, 4), np.uint16)), "PNG")).any()


def test_compressed_text_that_expands_without_end_is_rejected() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", " " * 80_000_000, zip=True)
    with pytest.raises(ImageError) as error:
        read_image(encoded(COLOUR, "PNG", pnginfo=info))
    assert error.value.problem == "damaged"


def test_format_and_mode_of_the_file_are_reported() -> None:
    assert isinstance(read_image(encoded(COLOUR, "JPEG")), ReadImage)
    assert read_image(encoded(COLOUR, "JPEG")).stored_as == "JPEG RGB"
    assert read_image(encoded(Image.fromarray(RAMP), "PNG")).stored_as == "PNG I;16"


def test_reading_prints_no_warnings(recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]) -> None:
    read_image(_pa())
    assert not recwarn.list
    assert capfd.readouterr() == ("", "")
