"""Raw images converted to the prepared shape when they are read, so that memory does not grow with their number."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from ganpipe.common.errors import UserError
from ganpipe.common.types import ImageShape
from ganpipe.data.fit import fit_image, image_of, pixels_of, resize
from ganpipe.data.raw_images import RawImages
from ganpipe.data.read_image import ImageError, read_image
from ganpipe.data.settings import OWN_SOURCES, DatasetSettings

_BLOCK_BYTES = 16 << 20


class PreparedImages(ABC):
    """Images of the raw data in the prepared shape.

    shape: of one image. block: number of images to read at a time, which limits memory.
    """

    shape: ImageShape
    block: int

    @abstractmethod
    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the images at some positions of the raw data (N,C,H,W uint8)."""


class ImagesFromArray(PreparedImages):
    """Images of an array (N,C,H,W uint8), of any height, width and number of channels."""

    def __init__(self, images: NDArray[np.uint8], channels: int, settings: DatasetSettings) -> None:
        stored, height, width = images.shape[1:]
        if settings.size is None and height != width:
            raise UserError(f"size: not set, but images are {width}x{height} pixels. Set it, such as size: {width}.")
        size = settings.size or height
        self._images, self._settings = images, settings
        self.shape = ImageShape(channels, size)
        self.block = max(1, _BLOCK_BYTES // max(stored * height * width, channels * size * size))
        self._resize_only = height == width and stored == channels

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the images at some positions of the array (N,C,H,W uint8)."""
        images = np.asarray(self._images[rows])
        if self._resize_only:
            return resize(images, self.shape.size, self._settings.resample)
        converted = (image_of(pixels, self._settings.background) for pixels in images)
        return np.stack([_prepared(image, self.shape, self._settings) for image in converted])


class ImagesFromFiles(PreparedImages):
    """Images in files of any format."""

    def __init__(self, files: RawImages, settings: DatasetSettings) -> None:
        if settings.size is None:
            raise UserError("size: not set. Images of several sizes must be resized to one size.")
        self._files, self._settings = files, settings
        coloured_background = not _is_grey(settings.background) and (files.transparent or settings.fit == "pad")
        channels = 1 if files.grey and not coloured_background else 3
        self.shape = ImageShape(channels if settings.channels == "auto" else settings.channels, settings.size)
        self.block = max(1, _BLOCK_BYTES // (self.shape.channels * settings.size**2))

    def read(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the images of some files (N,C,H,W uint8)."""
        return np.stack([self._read(row) for row in rows.tolist()])

    def _read(self, row: int) -> NDArray[np.uint8]:
        try:
            image = read_image(self._files.read(row), self._settings.background).image
        except ImageError as error:
            raise UserError(f"{self._files.file}: damaged ({error}). Run the fetch stage again.") from error
        return _prepared(image, self.shape, self._settings)


def channels_of(arrays: Sequence[NDArray[np.uint8]], settings: DatasetSettings) -> int:
    """Return the number of channels to prepare arrays (N,C,H,W) with: 1 or 3, as `channels` states."""
    if settings.channels != "auto":
        return settings.channels
    stored = max(array.shape[1] for array in arrays)
    if stored in (2, 4) and not _is_grey(settings.background):
        return 3
    if stored < 3:
        return 1
    if settings.source not in OWN_SOURCES:
        return 3
    return 1 if all(_all_grey(array) for array in arrays) else 3


def _prepared(image: Image.Image, shape: ImageShape, settings: DatasetSettings) -> NDArray[np.uint8]:
    square = fit_image(image, shape.size, settings.fit, settings.resample, settings.background)
    return pixels_of(square, shape.channels)


def _is_grey(colour: str) -> bool:
    return len(set(ImageColor.getrgb(colour))) == 1


def _all_grey(images: NDArray[np.uint8]) -> bool:
    """Return whether the colours of all images (N,3,H,W or N,4,H,W) are grey."""
    step = max(1, _BLOCK_BYTES // images[:1].nbytes)
    for start in range(0, len(images), step):
        block = images[start : start + step]
        if not ((block[:, 0] == block[:, 1]).all() and (block[:, 0] == block[:, 2]).all()):
            return False
    return True
