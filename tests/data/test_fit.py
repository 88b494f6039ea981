import numpy as np
import pytest
from PIL import Image

from ganpipe.data.fit import fit_image, image_of, pixels_of, resize
from ganpipe.data.settings import Resample

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
NOISE = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)


@pytest.mark.parametrize("name", FILTERS)
def test_resizing_equals_resizing_by_pillow(name: Resample) -> None:
    small = resize(NOISE, 12, name)
    assert small.shape == (2, 3, 12, 12)
    expected = Image.fromarray(NOISE[1].transpose(1, 2, 0)).resize((12, 12), FILTERS[name])
    assert np.array_equal(small[1].transpose(1, 2, 0), np.asarray(expected))


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "nearest"])
def test_filters_antialias(name: Resample) -> None:
    stripes = np.zeros((1, 1, 64, 64), dtype=np.uint8)
    stripes[..., ::2] = 255
    assert np.abs(resize(stripes, 8, name).astype(float) - 127.5).max() < 20
    assert set(np.unique(resize(stripes, 8, "nearest"))) <= {0, 255}


def wide(mode: str = "RGB") -> Image.Image:
    """An image of 40x20 pixels with a bright central square."""
    pixels = np.zeros((20, 40), dtype=np.uint8)
    pixels[:, 10:30] = 200
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_crop_keeps_the_central_square(mode: str) -> None:
    for image in (wide(mode), wide(mode).transpose(Image.Transpose.ROTATE_90)):
        assert (np.asarray(fit_image(image, 8, "crop", "lanczos", "white")) == 200).all()


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize(("background", "level"), [("white", 255), ("black", 0), ("#808080", 128)])
def test_pad_keeps_everything_and_adds_borders(mode: str, background: str, level: int) -> None:
    padded = np.asarray(fit_image(wide(mode), 16, "pad", "box", background).convert("L"))
    assert (padded[:4] == level).all() and (padded[-4:] == level).all()
    assert (padded[4:12, 4:12] == 200).all()
    assert (padded[4:12, :4] == 0).all() and (padded[4:12, 12:] == 0).all()


@pytest.mark.parametrize("fit", ["crop", "pad"])
@pytest.mark.parametrize("size", [(1, 1), (1, 999), (999, 1), (3, 2), (17, 17)])
def test_images_of_every_size_become_squares(fit: str, size: tuple[int, int]) -> None:
    made = fit_image(Image.new("RGB", size, (9, 9, 9)), 16, fit, "bilinear", "white")  # type: ignore[arg-type]
    assert made.size == (16, 16)


def test_channels_are_converted() -> None:
    assert pixels_of(wide("L"), 3).shape == (3, 20, 40)
    assert np.array_equal(pixels_of(wide("L"), 3)[2], pixels_of(wide("RGB"), 1)[0])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_pixels_with_alpha_are_composited(channels: int) -> None:
    pixels = np.zeros((channels, 1, 2), dtype=np.uint8)
    if channels in (2, 4):
        pixels[-1, 0, 1] = 255
    shown = np.asarray(image_of(pixels, "red").convert("RGB"))[0].tolist()
    assert shown == [[255, 0, 0] if channels in (2, 4) else [0, 0, 0], [0, 0, 0]]
