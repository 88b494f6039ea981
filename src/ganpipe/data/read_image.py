"""Read an image file the way an image viewer shows it: upright, in sRGB, on an opaque background."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Literal, NamedTuple

from PIL import Image, ImageChops, UnidentifiedImageError
from PIL.Image import Transpose
from PIL.JpegImagePlugin import JpegImageFile

from ganpipe.data.colour_profiles import ProfileError, gamma_to_srgb, to_srgb
from ganpipe.data.pixel_modes import PixelModeError, to_eight_bits

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "AVIF")
"""Formats of Pillow that are read. None of them starts another program, as EPS does."""

MAX_PIXELS = 64_000_000

_ORIENTATION = 0x0112  # EXIF tag
_TRANSPOSITIONS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}

_OBJECT = re.compile(r"<[^>]* object at 0x\w+>")  # an address in a message would differ from run to run

Problem = Literal["empty", "not an image", "damaged", "too large", "unsupported"]
Note = Literal["transparent", "several frames", "EXIF unreadable", "ICC profile ignored"]


class ImageError(Exception):
    """A file that cannot be read as an image. The message is one line without the name of the file."""

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


class ReadImage(NamedTuple):
    """An image as a viewer shows it.

    image: mode L or RGB, upright, in sRGB. grey: whether its visible colours are all grey.
    stored_as: format and pixel mode of the file. notes: what was decided while reading it.
    """

    image: Image.Image
    grey: bool
    stored_as: str
    notes: tuple[Note, ...]


def read_image(content: bytes, background: str = "white") -> ReadImage:
    """Decode an image file.

    Orientation (EXIF, XMP, TIFF), ICC profiles and PNG gamma are applied, transparent pixels are composited over
    `background` (a colour name or #rrggbb), and of several frames or pages the first is used. Damaged EXIF data and
    ICC profiles are ignored. See `to_eight_bits` for the pixel modes. Raises ImageError.
    """
    if not content:
        raise ImageError("empty", "empty file")
    with warnings.catch_warnings(), _decoding_errors():
        warnings.simplefilter("ignore")  # what matters is reported as an ImageError or a note
        colours, alpha, stored_as, notes = _decode(content)
    grey = _is_grey(colours, alpha)
    if alpha is not None:
        flat = Image.new("RGB", colours.size, background)
        flat.paste(colours, mask=alpha)
        colours = flat
    return ReadImage(colours, grey, stored_as, notes)


def _decode(content: bytes) -> tuple[Image.Image, Image.Image | None, str, tuple[Note, ...]]:
    """Return colours (L or RGB) and alpha (L; None if opaque) of an image file, its stored mode, and the notes."""
    stored, several_frames = _open(content)
    stored_as = f"{stored.format} {stored.mode}"
    stored.load()
    orientation = _orientation(stored)
    colours, alpha, profile_ignored = _in_srgb(to_eight_bits(stored, content), stored)
    if alpha is not None and alpha.getextrema() == (255, 255):
        alpha = None
    if orientation in _TRANSPOSITIONS:
        colours = colours.transpose(_TRANSPOSITIONS[orientation])
        alpha = alpha and alpha.transpose(_TRANSPOSITIONS[orientation])
    notes: dict[Note, bool] = {
        "transparent": alpha is not None,
        "several frames": several_frames,
        "EXIF unreadable": orientation is None,
        "ICC profile ignored": profile_ignored,
    }
    return colours, alpha, stored_as, tuple(note for note, applies in notes.items() if applies)


@contextmanager
def _decoding_errors() -> Iterator[None]:
    try:
        yield
    except (ImageError, MemoryError):
        raise
    except PixelModeError as error:
        raise ImageError("unsupported", str(error)) from error
    except Image.DecompressionBombError as error:
        raise ImageError("too large", f"more than {MAX_PIXELS} pixels") from error
    except UnidentifiedImageError as error:
        raise ImageError("not an image", "not an image of a supported format") from error
    except Exception as error:  # on damaged files, Pillow's decoders raise errors of every kind
        reason = _OBJECT.sub("", str(error)).strip().partition("\n")[0]
        raise ImageError("damaged", reason or type(error).__name__) from error


def _open(content: bytes) -> tuple[Image.Image, bool]:
    """Open an image and return whether it has several frames."""
    image = _open_first_frame(content)
    if image.width * image.height > MAX_PIXELS:
        raise ImageError("too large", f"{image.width}x{image.height} is more than {MAX_PIXELS} pixels")
    try:
        several = bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001 - of a damaged second frame, which does not prevent reading the first
        return _open_first_frame(content), True
    return image, several


def _open_first_frame(content: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(content), formats=FORMATS)
    except KeyError:  # a JPEG whose index of further images (MPO) is damaged
        return JpegImageFile(BytesIO(content))


def _orientation(image: Image.Image) -> int | None:
    """Return the EXIF orientation, 1 to 8; 1 if there is none, and None if it cannot be read."""
    if image.format == "TIFF":
        return 1  # Pillow applies the orientation of TIFF files
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - damaged EXIF data raise errors of every kind
        return None
    return value if isinstance(value, int) and 1 <= value <= 8 else None


def _in_srgb(image: Image.Image, stored: Image.Image) -> tuple[Image.Image, Image.Image | None, bool]:
    """Split an image into sRGB colours (L or RGB) and alpha (L or None); return also whether a profile was ignored."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image if alpha is None else image.convert(image.mode[:-1])
    profile, ignored = stored.info.get("icc_profile"), False
    if profile and stored.mode != "LAB":
        try:
            colours = to_srgb(colours, profile)
        except ProfileError:
            ignored = True
    elif "gamma" in stored.info and "srgb" not in stored.info:
        colours = gamma_to_srgb(colours, stored.info["gamma"])
    return colours.convert("RGB") if colours.mode == "CMYK" else colours, alpha, ignored


def _is_grey(colours: Image.Image, alpha: Image.Image | None) -> bool:
    """Return whether the channels of an image (L or RGB) are equal, except for pixels of alpha 0."""
    if colours.mode == "L":
        return True
    red, green, blue = colours.split()
    difference = ImageChops.lighter(ImageChops.difference(red, green), ImageChops.difference(red, blue))
    if alpha is not None:
        difference.paste(0, mask=alpha.point([255] + [0] * 255))
    return difference.getbbox() is None
