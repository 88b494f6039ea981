"""Independent random streams: one for each purpose, all derived from one seed.

A training with seed 0 and samples with seed 0 must not draw the same numbers, nor must the order of the batches repeat
the noise. Every random number of the pipeline therefore comes from a stream that belongs to (seed, purpose):

- `split`: which images are held out, and which are stacked
- `initialisation`: initial weights of a training
- `training`: noise, augmentation and dropout of the training steps, drawn in turn from PyTorch's global generator
- `batches`: order and mirroring of the training images, by epoch
- `fixed_noise`: noise of the sample grids along a training
- `class_noise`: noise of the samples that are measured per class along a training
- `sampling`: noise of the final samples
- `judge`: initial weights, batches and augmentation of a judge
- `transfer`: the same of the classifier that is trained on samples
- `metrics`: subsets of images and pairs, and the groups of the jackknife; with the index 1 the images by which a
  generator is selected (`evaluate.selection`), with the index 2 the noise of its candidates
- `reference_noise`: the noise images that give each metric's ceiling
- `extractor_checks`: which images check an extractor, and their noise
- `interactive`: images that a person requests

The derivation is `numpy.random.SeedSequence` with the purpose as spawn key (NumPy's documentation, "Parallel
random number generation"). Seeds are limited to 32 bits (`types.Seed`), since PyTorch's CPU generator, a Mersenne
Twister, is seeded by 32 bits.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import torch

Purpose = Literal[
    "split",
    "initialisation",
    "training",
    "batches",
    "fixed_noise",
    "class_noise",
    "sampling",
    "judge",
    "transfer",
    "metrics",
    "reference_noise",
    "interactive",
    "extractor_checks",
]

_KEYS: dict[Purpose, int] = {
    "split": 0,
    "initialisation": 1,
    "training": 2,
    "batches": 3,
    "fixed_noise": 4,
    "class_noise": 5,
    "sampling": 6,
    "judge": 7,
    "transfer": 8,
    "metrics": 9,
    "reference_noise": 10,
    "interactive": 11,
    "extractor_checks": 12,
}
"""Spawn keys: a new purpose takes a new number, so that the streams of the others stay what they are."""


def numpy_stream(seed: int, purpose: Purpose, *indices: int) -> np.random.Generator:
    """Return a NumPy generator for (seed, purpose) and, where a purpose has many streams, its indices (epoch, ...)."""
    return np.random.default_rng(_sequence(seed, purpose, indices))


def torch_seed(seed: int, purpose: Purpose, *indices: int) -> int:
    """Return the 32-bit seed of a PyTorch generator for (seed, purpose, indices)."""
    return int(_sequence(seed, purpose, indices).generate_state(1)[0])


def torch_stream(seed: int, purpose: Purpose, *indices: int) -> "torch.Generator":
    """Return a new CPU generator for (seed, purpose, indices)."""
    import torch

    return torch.Generator().manual_seed(torch_seed(seed, purpose, *indices))


def _sequence(seed: int, purpose: Purpose, indices: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=(_KEYS[purpose], *indices))
