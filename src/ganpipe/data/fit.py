"""Conversion of images to squares of one size and a fixed number of channels."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganpipe.data.settings import Fit, Resample

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def fit_image(image: Image.Image, size: int, fit: Fit, resample: Resample, background: str) -> Image.Image:
    """Crop or pad an image to a square, and resize it to `size` x `size`.

    "crop" keeps the central square; "pad" adds borders of the colour `background`. All filters but "nearest" antialias.
    """
    kernel = _FILTERS[resample]
    if fit == "crop" or image.width == image.height:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        # Cropped before it is resized, so that pixels outside the square cannot bleed into it.
        return image.crop((left, top, left + side, top + side)).resize((size, size), kernel)
    longest = max(image.size)
    width, height = (max(1, round(length * size / longest)) for length in image.size)
    padded = Image.new(image.mode, (size, size), background)
    padded.paste(image.resize((width, height), kernel), ((size - width) // 2, (size - height) // 2))
    return padded


def pixels_of(image: Image.Image, channels: int) -> NDArray[np.uint8]:
    """Return the pixels of an image of mode L or RGB (C,H,W uint8), converted to 1 or 3 channels."""
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def image_of(pixels: NDArray[np.uint8], background: str) -> Image.Image:
    """Return an image of mode L or RGB from pixels (C,H,W), with alpha (2 or 4 channels) composited over a colour."""
    if len(pixels) == 1:
        return Image.fromarray(pixels[0])
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    if len(pixels) == 3:
        return image
    flat = Image.new("RGB", image.size, background)
    flat.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return flat


def resize(images: NDArray[np.uint8], size: int, resample: Resample = "bilinear") -> NDArray[np.uint8]:
    """Resize square images (N,C,H,W) to `size` x `size`, channel by channel; "nearest" alone does not antialias."""
    if images.shape[-1] == size:
        return images
    resized = np.empty((*images.shape[:2], size, size), dtype=np.uint8)
    for image, target in zip(images, resized, strict=True):
        for plane, target_plane in zip(image, target, strict=True):
            target_plane[:] = Image.fromarray(plane).resize((size, size), _FILTERS[resample])
    return resized
