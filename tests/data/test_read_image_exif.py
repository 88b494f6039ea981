"""Images are upright whatever their EXIF data contain."""

import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganpipe.data.read_image import read_image
from tests.data.image_files import encoded, png
from tests.data.read_pixels import COLOUR, COLOURS, grey, near, pixels

UPRIGHT = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
STORED = {  # EXIF orientation -> the pixels as stored
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: UPRIGHT.T[::-1],
    7: UPRIGHT[::-1, ::-1].T,
    8: UPRIGHT.T[:, ::-1],
}


def exif(orientation: object) -> bytes:
    values = Image.Exif()
    values[0x0112] = orientation
    return values.tobytes()


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("format_", ["PNG", "WEBP", "TIFF", "TIFF compressed"])
def test_images_are_upright(orientation: int, format_: str) -> None:
    image = Image.fromarray(np.ascontiguousarray(STORED[orientation]))
    if format_.startswith("TIFF"):
        compression = {"compression": "tiff_lzw"} if "compressed" in format_ else {}
        content = encoded(image, "TIFF", tiffinfo={274: orientation}, **compression)
    else:
        options: dict[str, Any] = {"lossless": True} if format_ == "WEBP" else {}
        content = encoded(image.convert("RGB"), format_, exif=exif(orientation), **options)
    assert np.array_equal(grey(content), UPRIGHT)


def jpeg_with_segment(marker: int, body: bytes, image: Image.Image | None = None) -> bytes:
    content = encoded(image or COLOUR, "JPEG", quality=100, subsampling=0)
    return content[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + content[2:]


def ifd(*entries: bytes) -> bytes:
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)


ORIENTATION_6 = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
WIDTH_AS_TEXT = struct.pack("<HHI4s", 0x0100, 2, 4, b"12x\0")


@pytest.mark.parametrize("text_first", [True, False])
def test_an_exif_tag_of_the_wrong_type_does_not_matter(text_first: bool) -> None:
    entries = (WIDTH_AS_TEXT, ORIENTATION_6) if text_first else (ORIENTATION_6, WIDTH_AS_TEXT)
    found = read_image(jpeg_with_segment(0xE1, ifd(*entries)))
    assert near(np.asarray(found.image), np.rot90(COLOURS, -1), 4)
    assert found.notes == ()


DAMAGED_EXIF = {
    "empty": b"Exif\0\0",
    "random": b"Exif\0\0" + bytes(range(200)),
    "wrong byte order": b"Exif\0\0XX*\0\x08\0\0\0",
    "offset beyond the end": b"Exif\0\0II*\0\xff\xff\xff\x7f",
    "truncated": ifd(WIDTH_AS_TEXT, ORIENTATION_6)[:20],
    "orientation as text": ifd(struct.pack("<HHI4s", 0x0112, 2, 4, b"six\0")),
    "orientation out of range": ifd(struct.pack("<HHIHH", 0x0112, 3, 1, 99, 0)),
    "orientation as fraction by zero": ifd(struct.pack("<HHII", 0x0112, 5, 1, 0)),
}


@pytest.mark.parametrize("name", DAMAGED_EXIF)
def test_damaged_exif_data_are_ignored(name: str) -> None:
    assert near(pixels(jpeg_with_segment(0xE1, DAMAGED_EXIF[name])), COLOURS, 4)
    chunk = (b"eXIf", DAMAGED_EXIF[name][6:])
    assert np.array_equal(pixels(png(COLOURS, 8, 2, chunk)), COLOURS)


def test_unreadable_orientations_are_noted() -> None:
    found = read_image(jpeg_with_segment(0xE1, DAMAGED_EXIF["orientation as text"]))
    assert found.notes == ("EXIF unreadable",)


def test_a_damaged_index_of_further_images_does_not_matter() -> None:
    for body in (b"MPF\0", b"MPF\0" + ifd()[6:], b"MPF\0II*\0" + bytes(30)):
        assert near(pixels(jpeg_with_segment(0xE2, body)), COLOURS, 4)


def test_damaged_exif_data_print_no_warnings(
    recwarn: pytest.WarningsRecorder, capfd: pytest.CaptureFixture[str]
) -> None:
    read_image(jpeg_with_segment(0xE1, DAMAGED_EXIF["random"]))
    assert not recwarn.list
    assert capfd.readouterr() == ("", "")
