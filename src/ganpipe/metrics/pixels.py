"""Pixel statistics of uint8 images (N,C,H,W): exact, and cheap enough for every epoch."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.random_streams import numpy_stream

_BLOCK = 512
_RANGE = 255.0
_LUMINANCE = np.array([0.2125, 0.7154, 0.0721])  # ITU-R BT.709, as in skimage.color.rgb2gray
_WINDOW = 7  # pixels; K1 and K2 as in the paper that defines SSIM
_K1, _K2 = 0.01, 0.03
_LEVELS = 256
_POSITIONS = 16_384  # pixel positions whose histograms are in memory at once: 32 MB


def sharpness(images: NDArray[np.uint8]) -> float:
    """Return the mean variance of the Laplacian (skimage.filters.laplace) of the grey images in [0, 1].

    Source: Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, 2000.
    """
    return _mean_over_images(images, lambda grey: _laplacian(grey).var(axis=(1, 2)))


def contrast(images: NDArray[np.uint8]) -> float:
    """Return the mean RMS contrast of the images: the standard deviation of the grey image in [0, 1].

    Source: Peli, Contrast in complex images, 1990, eq. 2.
    """
    return _mean_over_images(images, lambda grey: grey.std(axis=(1, 2)))


def diversity(images: NDArray[np.uint8]) -> float:
    """Return the mean absolute pixel difference over all pairs of different images, in [0, 1]; N is at least 2.

    Exact without visiting a pair: |a - b| is the number of thresholds between a and b, so a histogram per pixel
    position suffices, and the time is linear in N.
    """
    count = _count_of_several(images)
    flat = images.reshape(count, -1)
    total = sum(_sum_over_pairs(flat[:, start : start + _POSITIONS]) for start in range(0, flat.shape[1], _POSITIONS))
    return total / (count * (count - 1) / 2) / flat.shape[1] / _RANGE


def ssim_diversity(images: NDArray[np.uint8], pairs: int, seed: int) -> float:
    """Return 1 - mean structural similarity of `pairs` random pairs of different images; N is at least 2.

    Source: Wang et al., Image quality assessment: from error visibility to structural similarity, 2004, eq. 13, in the
    form of skimage.metrics.structural_similarity: uniform 7x7 window, data range 255, mean over channels.
    """
    count = _count_of_several(images)
    random = numpy_stream(seed, "metrics")
    first = random.integers(count, size=pairs)
    second = (first + random.integers(1, count, size=pairs)) % count
    total = sum(
        float(structural_similarity(images[first[block]], images[second[block]]).sum()) for block in _blocks(pairs)
    )
    return 1 - total / pairs


def structural_similarity(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the SSIM (N,) of image pairs `first[i]`, `second[i]`, both (N,C,H,W); sums are exact integers."""
    a, b = first.astype(np.int64), second.astype(np.int64)
    size = _WINDOW**2
    mean_a, mean_b = _window_sums(a) / size, _window_sums(b) / size
    unbiased = size / (size - 1)
    variance_a = (_window_sums(a * a) / size - mean_a**2) * unbiased
    variance_b = (_window_sums(b * b) / size - mean_b**2) * unbiased
    covariance = (_window_sums(a * b) / size - mean_a * mean_b) * unbiased
    c1, c2 = (_K1 * _RANGE) ** 2, (_K2 * _RANGE) ** 2
    similarity = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    )
    means: NDArray[np.float64] = similarity.mean(axis=(1, 2, 3))
    return means


def _count_of_several(images: NDArray[np.uint8]) -> int:
    if len(images) < 2:
        raise ValueError(f"diversity needs at least 2 images, got {len(images)}")
    return len(images)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK))


def _mean_over_images(
    images: NDArray[np.uint8], statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> float:
    if not len(images):
        raise ValueError("no images to evaluate")
    return float(sum(statistic(_grey(images[block])).sum() for block in _blocks(len(images)))) / len(images)


def _grey(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    scaled = images / _RANGE
    return scaled[:, 0] if scaled.shape[1] == 1 else np.einsum("nchw,c->nhw", scaled, _LUMINANCE)


def _laplacian(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="symmetric")
    neighbours = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1] + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
    return 4 * grey - neighbours


def _sum_over_pairs(flat: NDArray[np.uint8]) -> int:
    """Sum of absolute differences over all pairs of rows (N, positions)."""
    count, positions = flat.shape
    offsets = np.arange(positions) * _LEVELS
    histogram = np.zeros(positions * _LEVELS, dtype=np.int64)
    for block in _blocks(count):
        histogram += np.bincount((flat[block] + offsets).ravel(), minlength=len(histogram))
    below = histogram.reshape(positions, _LEVELS).cumsum(axis=1)
    return int((below * (count - below)).sum())


def _window_sums(values: NDArray[np.int64]) -> NDArray[np.int64]:
    for axis in (2, 3):
        running = np.cumsum(values, axis=axis)
        running = np.insert(running, 0, 0, axis=axis)
        length = running.shape[axis]
        values = running.take(range(_WINDOW, length), axis) - running.take(range(length - _WINDOW), axis)
    return values
