"""What a network makes of images: extracted in fixed batches, so that no number depends on how images were grouped."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BATCH = 250

Network = Callable[[Tensor], tuple[Tensor, ...]]
"""uint8 images (n,C,H,W) -> float32 arrays of n rows each. In evaluation mode: a row depends on its own image only."""


def stream(network: Network, images: NDArray[np.uint8], batch: int = BATCH) -> Iterator[tuple[Tensor, ...]]:
    """Run `network` over images (N,C,H,W) and yield its outputs batch by batch.

    Every batch has `batch` images, the last one padded with repeats that are cut off again: kernels are chosen by the
    shape of a batch, and another kernel rounds differently.
    """
    for start in range(0, len(images), batch):
        block = np.array(images[start : start + batch])  # a copy: the array may be a read-only map of a file
        padded = np.concatenate([block, np.repeat(block[:1], batch - len(block), axis=0)])
        with torch.inference_mode():
            outputs = network(torch.from_numpy(padded))
        yield tuple(output[: len(block)].float() for output in outputs)


def extract(network: Network, images: NDArray[np.uint8]) -> tuple[Tensor, ...]:
    """All outputs of `network` over images (N,C,H,W), N at least 1, each joined into one float32 array of N rows."""
    return tuple(torch.cat(parts).clone() for parts in zip(*stream(network, images), strict=True))
