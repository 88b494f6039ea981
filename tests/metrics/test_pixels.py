from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage.color import rgb2gray
from skimage.filters import laplace
from skimage.metrics import structural_similarity as skimage_similarity

from ganpipe.data.dataset import Dataset
from ganpipe.metrics import pixels


def noise(count: int, channels: int, size: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(256, size=(count, channels, size, size), dtype=np.uint8)


def grey(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    return rgb2gray(image.transpose(1, 2, 0)) if len(image) == 3 else image[0] / 255


@pytest.fixture(params=["digits", "grey noise", "colour noise", "odd size"])
def images(request: pytest.FixtureRequest, mnist: Dataset) -> NDArray[np.uint8]:
    return {
        "digits": np.array(mnist.train.images[:550]),
        "grey noise": noise(20, 1, 28),
        "colour noise": noise(20, 3, 32),
        "odd size": noise(9, 3, 17),
    }[request.param]


def test_sharpness_agrees_with_scikit_image(images: NDArray[np.uint8]) -> None:
    expected = np.mean([laplace(grey(image)).var() for image in images])

    assert pixels.sharpness(images) == pytest.approx(expected, rel=1e-12)


def test_contrast_is_the_mean_standard_deviation(images: NDArray[np.uint8]) -> None:
    assert pixels.contrast(images) == pytest.approx(np.mean([grey(image).std() for image in images]), rel=1e-12)


def test_diversity_is_the_mean_over_all_pairs(images: NDArray[np.uint8]) -> None:
    few = images[:40]
    expected = np.mean([np.abs(a / 255 - b / 255).mean() for a, b in combinations(few, 2)])

    assert pixels.diversity(few) == pytest.approx(expected, rel=1e-12)


def test_similarity_agrees_with_scikit_image(images: NDArray[np.uint8]) -> None:
    first, second = images[:9], images[-9:]
    expected = [skimage_similarity(a, b, channel_axis=0, data_range=255) for a, b in zip(first, second, strict=True)]

    np.testing.assert_allclose(pixels.structural_similarity(first, second), expected, rtol=1e-10)


def test_ssim_diversity_approaches_the_mean_over_all_pairs(mnist: Dataset) -> None:
    few = np.array(mnist.train.images[:30])
    expected = 1 - np.mean([skimage_similarity(a, b, channel_axis=0, data_range=255) for a, b in combinations(few, 2)])

    assert pixels.ssim_diversity(few, pairs=20_000, seed=0) == pytest.approx(expected, rel=5e-3)
    assert pixels.ssim_diversity(few, 500, 0) == pixels.ssim_diversity(few, 500, 0)
    assert pixels.ssim_diversity(few, 500, 0) != pixels.ssim_diversity(few, 500, 1)


@settings(deadline=None)
@given(st.integers(0, 255), st.integers(2, 5), st.sampled_from([1, 3]))
def test_plain_images_score_zero(level: int, count: int, channels: int) -> None:
    plain = np.full((count, channels, 8, 8), level, dtype=np.uint8)

    assert pixels.sharpness(plain) == pytest.approx(0, abs=1e-30)
    assert pixels.contrast(plain) == pytest.approx(0, abs=1e-15)
    assert pixels.diversity(plain) == 0
    assert pixels.ssim_diversity(plain, 10, 0) == 0


def test_black_and_white_have_the_largest_diversity() -> None:
    pair = np.stack([np.zeros((1, 8, 8)), np.full((1, 8, 8), 255)]).astype(np.uint8)

    assert pixels.diversity(pair) == 1


def test_blocks_do_not_change_the_result(images: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pixels.sharpness(images), pixels.contrast(images), pixels.ssim_diversity(images, 99, 0)
    diverse = pixels.diversity(images)

    monkeypatch.setattr(pixels, "_BLOCK", 7)
    monkeypatch.setattr(pixels, "_POSITIONS", 100)

    parts = pixels.sharpness(images), pixels.contrast(images), pixels.ssim_diversity(images, 99, 0)
    assert parts == pytest.approx(whole, rel=1e-12)
    assert pixels.diversity(images) == diverse


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_images_for_a_pair_are_rejected(count: int) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        pixels.diversity(noise(count, 1, 8))
    with pytest.raises(ValueError, match="at least 2"):
        pixels.ssim_diversity(noise(count, 1, 8), 5, 0)


def test_empty_input_is_rejected() -> None:
    with pytest.raises(ValueError, match="no images"):
        pixels.sharpness(noise(0, 1, 8))
