"""Numbers read from the pixels themselves, exact and cheap enough for every epoch. All take uint8 images (N,C,H,W)."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_BLOCK = 512
_RANGE = 255.0
_LUMINANCE = np.array([0.2125, 0.7154, 0.0721])  # ITU-R BT.709, as in skimage.color.rgb2gray
_WINDOW = 7  # SSIM's window, and the constants of its authors
_K1, _K2 = 0.01, 0.03
_LEVELS = 256
_POSITIONS = 16_384  # pixel positions whose histograms are held at once: 32 MB


def sharpness(images: NDArray[np.uint8]) -> float:
    """Mean over images of the variance of the Laplacian (skimage.filters.laplace) of the grey image in [0, 1].

    Source: Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, 2000.
    """
    return _mean_over_images(images, lambda grey: _laplacian(grey).var(axis=(1, 2)))


def contrast(images: NDArray[np.uint8]) -> float:
    """Mean over images of the RMS contrast: the standard deviation of the grey image in [0, 1].

    Source: Peli, Contrast in complex images, 1990, eq. 2.
    """
    return _mean_over_images(images, lambda grey: grey.std(axis=(1, 2)))


def diversity(images: NDArray[np.uint8]) -> float:
    """Mean over all pairs of different images of their mean absolute pixel difference, in [0, 1]; N at least 2.

    Exact without visiting a pair: |a - b| counts the thresholds that part a from b, so a histogram for every pixel
    position is enough, and the time grows with N, not with its square.
    """
    count = _several(images)
    flat = images.reshape(count, -1)
    parted = sum(_parted_pairs(flat[:, start : start + _POSITIONS]) for start in range(0, flat.shape[1], _POSITIONS))
    return parted / (count * (count - 1) / 2) / flat.shape[1] / _RANGE


def ssim_diversity(images: NDArray[np.uint8], pairs: int, seed: int) -> float:
    """1 - mean structural similarity of `pairs` random pairs of different images; N at least 2.

    Source: Wang et al., Image quality assessment: from error visibility to structural similarity, 2004, eq. 13, in the
    form of skimage.metrics.structural_similarity: uniform 7x7 window, data range 255, mean over channels.
    """
    count = _several(images)
    random = np.random.default_rng(seed)
    first = random.integers(count, size=pairs)
    second = (first + random.integers(1, count, size=pairs)) % count
    total = sum(
        float(structural_similarity(images[first[block]], images[second[block]]).sum()) for block in _blocks(pairs)
    )
    return 1 - total / pairs


def structural_similarity(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """SSIM (N,) of images (N,C,H,W) with those at the same place in the other array; the sums are exact integers."""
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


def _several(images: NDArray[np.uint8]) -> int:
    if len(images) < 2:
        raise ValueError(f"diversity needs at least 2 images, got {len(images)}")
    return len(images)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, min(start + _BLOCK, count)) for start in range(0, count, _BLOCK))


def _mean_over_images(images: NDArray[np.uint8], measure) -> float:  # type: ignore[no-untyped-def]
    if not len(images):
        raise ValueError("no images to measure")
    return float(sum(measure(_grey(images[block])).sum() for block in _blocks(len(images)))) / len(images)


def _grey(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    scaled = images / _RANGE
    return scaled[:, 0] if scaled.shape[1] == 1 else np.einsum("nchw,c->nhw", scaled, _LUMINANCE)


def _laplacian(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    wide = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="symmetric")
    around = wide[:, :-2, 1:-1] + wide[:, 2:, 1:-1] + wide[:, 1:-1, :-2] + wide[:, 1:-1, 2:]
    return 4 * grey - around


def _parted_pairs(flat: NDArray[np.uint8]) -> int:
    """Sum over pairs of rows of their absolute differences, for rows (N, positions)."""
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
