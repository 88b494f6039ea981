"""The user's own pictures: copied as raw data, then decoded, cropped to their central square and resized."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest, file_digest
from ganpipe.data.pins import Contents, Layout

PICTURES = "pictures"
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # none of them starts another program
_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
_MAX_PIXELS = 64_000_000


def list_images(folder: Path) -> list[str]:
    """Sorted relative paths (with slashes) of all pictures, known by suffix, in a folder; no hidden ones."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        here = Path(parent).relative_to(folder)
        found += [
            (here / name).as_posix()
            for name in names
            if not name.startswith(".") and Path(name).suffix.lower() in _SUFFIXES
        ]
    return sorted(found)


def copy_images(source: Path, raw: Path) -> int:
    """Copy the pictures of a folder and its subfolders to `raw`/pictures; returns how many.

    Raises UserError when the folder is not there or holds none.
    """
    names = _require_images(source)
    for name in names:
        target = raw / PICTURES / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target)
    return len(names)


def digest_images(source: Path) -> str:
    """Digest of the names and bytes of a folder's pictures; UserError when there are none."""
    return digest({name: file_digest(source / name) for name in _require_images(source)})


def _require_images(source: Path) -> list[str]:
    if not source.is_dir():
        raise UserError(f"path: there is no folder {source}; name the one that holds your pictures.")
    names = list_images(source)
    if not names:
        raise UserError(f"path: {source} holds no pictures ({', '.join(sorted(_SUFFIXES))}).")
    return names


def contents(raw: Path, with_classes: bool) -> Contents:
    """Describe copied pictures; the classes are the names of the subfolders, sorted.

    Raises UserError when classes are wanted and a picture lies in no subfolder.
    """
    names = list_images(raw / PICTURES)
    loose = [name for name in names if "/" not in name]
    if with_classes and loose:
        raise UserError(
            f"classes: subfolders, but {loose[0]} and {len(loose) - 1} more lie in no subfolder; "
            "move them into one, or set classes: none."
        )
    classes = tuple(sorted({class_of(name) for name in names})) if with_classes else ()
    return Contents(
        title="A folder of images",
        licence="as stated for the images",
        citation="",
        classes=classes,
        layout=Layout(kind="pictures"),
    )


def class_of(name: str) -> str:
    """Class of a picture: the first folder of its relative path."""
    return name.split("/", 1)[0]


def decode(
    raw: Path, size: int, scratch: Path, max_broken: int, report: Callable[[str], None]
) -> tuple[NDArray[np.uint8], list[str], list[str]]:
    """Decode all copied pictures into one array on disk.

    scratch: file for the array. Returns images N,3,size,size (a memory map), the names of the pictures in it,
    and the names of those skipped, each of which is reported with the reason.
    Raises UserError when more than `max_broken` cannot be read, or none can.
    """
    names = list_images(raw / PICTURES)
    kept: list[str] = []
    broken: list[str] = []
    with scratch.open("wb") as handle:  # not a memory map: a full disk would end the process
        for name in names:
            try:
                square = _square(raw / PICTURES / name, size)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                reason = str(error).split(str(raw))[0].strip(" '\"") or type(error).__name__
                broken.append(name)
                report(f"skipped {name}: {reason}")
                if len(broken) > max_broken:
                    raise UserError(
                        f"More than {max_broken} pictures cannot be read, the last {name} ({reason}): "
                        "repair or remove them, or raise max_broken."
                    ) from error
            else:
                handle.write(square.tobytes())
                kept.append(name)
    if not kept:
        raise UserError("None of the pictures can be read: see the reasons above.")
    return np.memmap(scratch, np.uint8, mode="r", shape=(len(kept), 3, size, size)), kept, broken


def _square(path: Path, size: int) -> NDArray[np.uint8]:
    with Image.open(path, formats=_FORMATS) as picture:
        if picture.width * picture.height > _MAX_PIXELS:
            raise ValueError(f"{picture.width}x{picture.height} is more than {_MAX_PIXELS} pixels")
        upright = ImageOps.exif_transpose(picture).convert("RGB")
    side = min(upright.size)
    left, top = (upright.width - side) // 2, (upright.height - side) // 2
    # Cropped first, as a resize of a part of the picture would let the pixels around it bleed in.
    square = upright.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(square).transpose(2, 0, 1)
