"""Random image files of all formats, modes and kinds of damage: each is used, or named with a reason.

300 files in the ordinary suite, 5,000 with GANPIPE_FIRE=long.
"""

import csv
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from ganpipe.data.dataset import load
from ganpipe.data.fetch import fetch_dataset
from ganpipe.data.prepare import prepare
from ganpipe.data.read_image import read_image
from ganpipe.data.settings import DatasetSettings
from tests.data.image_files import cmyk_profile, encoded, grey_profile, rgb_profile

COUNT = 5000 if os.environ.get("GANPIPE_FIRE") == "long" else 300

MODES = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"],
    "JPEG": ["L", "RGB", "CMYK", "YCbCr"],
    "WEBP": ["RGB", "RGBA"],
    "GIF": ["1", "L", "P", "RGB", "RGBA"],
    "BMP": ["1", "L", "P", "RGB"],
    "PPM": ["1", "L", "RGB", "I", "F"],
    "AVIF": ["RGB", "RGBA"],
}
LOSSY = {"JPEG", "WEBP", "AVIF"}
PROFILES = [rgb_profile("bgr"), rgb_profile(gamma=1.0), grey_profile(1.8), cmyk_profile(False), b"", b"damaged" * 30]


class Made(NamedTuple):
    """An image file.

    shown: its pixels (H,W,3) if it is not damaged and no metadata change them, otherwise None.
    plain: whether it is not damaged and has neither EXIF data nor a profile.
    """

    content: bytes
    suffix: str
    shown: np.ndarray | None
    format: str
    plain: bool


def make(draw: random.Random) -> Made:
    """Make a file of a random format and mode, sometimes with odd metadata, sometimes damaged."""
    format_ = draw.choice(sorted(MODES))
    mode = draw.choice(MODES[format_])
    size = (draw.randint(1, 24), draw.randint(1, 24))
    pixels = np.random.default_rng(draw.getrandbits(32)).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    if draw.random() < 0.5:  # smooth, as lossy formats keep it
        pixels[:] = pixels[:1, :1]
    image, shown = as_mode(Image.fromarray(pixels), mode, format_)
    options: dict[str, object] = {}
    if format_ in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF") and draw.random() < 0.3:
        options["icc_profile"] = draw.choice(PROFILES)
        shown = None
    if format_ in ("PNG", "JPEG", "WEBP") and draw.random() < 0.4:
        options["exif"] = odd_exif(draw)
        shown = None
    if format_ in ("GIF", "TIFF", "PNG", "WEBP") and mode in ("RGB", "L") and draw.random() < 0.3:
        options |= {"save_all": True, "append_images": [image.rotate(90 * turn) for turn in range(draw.randint(1, 3))]}
    if format_ == "TIFF" and mode not in ("YCbCr", "LAB", "CMYK") and draw.random() < 0.4:
        options["compression"] = draw.choice(["tiff_lzw", "tiff_adobe_deflate", "packbits"])
    content = encoded(image, format_, **options)
    if draw.random() < 0.5:
        return Made(damage(draw, content), draw.choice([format_.lower(), "png", "txt", "jpg"]), None, format_, False)
    exact = format_ not in LOSSY
    suffix = draw.choice([format_.lower(), format_.lower(), "jpg", "data"])
    return Made(content, suffix, shown if exact else None, format_, not {"exif", "icc_profile"} & set(options))


def as_mode(image: Image.Image, mode: str, format_: str) -> tuple[Image.Image, np.ndarray | None]:
    """Convert an RGB image to a mode; return also the pixels that a viewer shows over white, if they are known."""
    grey = np.asarray(image.convert("L"))
    match mode:
        case "I;16":
            return Image.fromarray(grey.astype(np.uint16) * 257), np.dstack([grey] * 3)
        case "I" if format_ == "TIFF":  # signed integers, which are rejected
            return Image.fromarray(grey.astype(np.int32)), None
        case "I":
            return Image.fromarray(grey.astype(np.int32) * 257), np.dstack([grey] * 3)
        case "F":
            return Image.fromarray(grey.astype(np.float32) / 255), np.dstack([grey] * 3)
        case "RGBA" | "LA":
            converted = image.convert(mode)
            converted.putalpha(Image.fromarray(grey))
            background = Image.new("RGBA", image.size, "white")
            over_white = Image.alpha_composite(background, converted.convert("RGBA")).convert("RGB")
            return converted, None if format_ == "GIF" else np.asarray(over_white)
        case _:
            converted = image.convert(mode)
            known = mode not in ("LAB", "YCbCr", "CMYK") and not (format_ == "GIF" and mode == "RGB")
            return converted, np.asarray(converted.convert("RGB")) if known else None


def odd_exif(draw: random.Random) -> bytes:
    """EXIF data whose entries have random tags, types and values, or random bytes."""
    if draw.random() < 0.3:
        return b"Exif\0\0" + draw.randbytes(draw.randint(0, 60))
    tags = [0x0112, 0x0100, 0x8769, 0x8825, 0x0103, 0x011A, 0x927C]
    entries = [
        struct.pack(
            "<HHII",
            draw.choice(tags),
            draw.randint(0, 13),
            draw.choice([0, 1, 2, 9]),
            draw.choice([1, 6, 8, 99, 2**31]),
        )
        for _ in range(draw.randint(1, 4))
    ]
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)


def damage(draw: random.Random, content: bytes) -> bytes:
    altered = bytearray(content)
    kinds: list[Callable[[], None]] = [
        lambda: altered.__delitem__(slice(draw.randint(0, len(altered)), None)),
        lambda: altered.__delitem__(slice((start := draw.randint(0, len(altered))), start + draw.randint(1, 20))),
        lambda: altered.extend(draw.randbytes(draw.randint(1, 50))),
        lambda: (
            [altered.__setitem__(draw.randrange(len(altered)), draw.randint(0, 255)) for _ in range(4) if altered]
            and None
        ),
        lambda: altered.__setitem__(slice(0, draw.randint(0, 12)), draw.randbytes(draw.randint(0, 12))),
    ]
    for _ in range(draw.randint(1, 3)):
        draw.choice(kinds)()
    return bytes(altered)


@pytest.mark.parametrize("part", range(COUNT // 100))
def test_random_files_are_used_or_named(part: int, tmp_path: Path) -> None:
    draw = random.Random(part)
    made = {}
    (tmp_path / "mine").mkdir()
    for number in range(100):
        made[f"{number:03}"] = make(draw)
        (tmp_path / "mine" / f"{number:03}.{made[f'{number:03}'].suffix}").write_bytes(made[f"{number:03}"].content)
    settings = DatasetSettings(source="folder", path=str(tmp_path / "mine"), size=8, max_broken=100)
    lines: list[str] = []
    fetch_dataset(settings, tmp_path, tmp_path / "raw", tmp_path / "cache", lines.append)
    with (tmp_path / "raw" / "images.csv").open(newline="") as handle:
        rows = {row["file"][:3]: row for row in csv.DictReader(handle)}
    assert sorted(rows) == sorted(made)
    assert all(row["status"] == "used" or row["detail"] for row in rows.values() if row["status"] != "empty")
    used = [name for name, row in rows.items() if row["status"] == "used"]
    assert lines[-1].startswith(
        f"{tmp_path / 'mine'}: 100 files found, {len(used)} images used, {100 - len(used)} skipped"
    )
    prepare("mine", tmp_path / "raw", settings, tmp_path / "out", lines.append)
    data = load(tmp_path / "out")
    assert len(data.train.images) + len(data.heldout.images) == len(used) > 30
    for name, file in made.items():
        if file.shown is not None:
            assert rows[name]["status"] == "used", rows[name]
            shown = np.asarray(read_image(file.content).image.convert("RGB"))
            assert np.abs(shown.astype(int) - file.shown).max() <= 2, rows[name]
