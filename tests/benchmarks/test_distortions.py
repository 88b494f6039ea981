"""The distortions of real images: each grows with its strength, and a distance that falls is found."""

import runpy
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.conftest import REPOSITORY

NAMES = ("noise", "blur", "blackout", "swirl", "pixelation", "crop")


@pytest.fixture(scope="module")
def benchmark() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(REPOSITORY / "benchmarks" / "distortions.py")))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(1, 28), (3, 32)])
def test_each_strength_changes_the_images_more(
    benchmark: SimpleNamespace, digits: NDArray[np.uint8], name: str, shape: tuple[int, int]
) -> None:
    channels, size = shape
    images = np.pad(digits[:100], ((0, 0), (0, 0), (0, size - 28), (0, size - 28))).repeat(channels, axis=1)
    before = images.copy()
    distort, strengths = benchmark.DISTORTIONS[name]
    sets = [distort(images, strength, np.random.default_rng(0)) for strength in strengths]
    assert len(strengths) == 5
    assert all(distorted.dtype == np.uint8 and distorted.shape == images.shape for distorted in sets)
    changes = [float(np.mean((distorted - images.astype(float)) ** 2)) for distorted in sets]
    assert changes[0] > 0
    assert changes == sorted(changes)
    assert np.array_equal(images, before)


def test_a_grey_image_stays_grey_and_distortions_of_one_image_do_not_reach_another(
    benchmark: SimpleNamespace, digits: NDArray[np.uint8]
) -> None:
    images = np.concatenate([digits[:1].repeat(3, axis=1), np.zeros((1, 3, 28, 28), dtype=np.uint8)])
    for name in ("blur", "swirl", "pixelation", "crop"):
        distort, strengths = benchmark.DISTORTIONS[name]
        first, second = distort(images, strengths[2], np.random.default_rng(0))
        assert not second.any(), name
        assert np.array_equal(first[0], first[1]) and np.array_equal(first[1], first[2]), name


def test_steps_that_do_not_grow_are_found(benchmark: SimpleNamespace) -> None:
    assert benchmark.falling_steps([0, 1, 2, 3]) == []
    assert benchmark.falling_steps([0, 1, 1, 3, 2]) == [2, 4]


def test_distortions_farther_than_noise_are_found(benchmark: SimpleNamespace) -> None:
    assert benchmark.farther_than_noise({"blur": [1, 2], "crop": [5, 3], "swirl": [4]}, 4) == ["crop", "swirl"]
