"""Feature extraction in batches of fixed size, so that results do not depend on how images are grouped."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BATCH = 250

Network = Callable[[Tensor], tuple[Tensor, ...]]
"""uint8 images (n,C,H,W) -> float32 tensors of n rows each, in eval mode: a row depends on its own image only."""


def stream(network: Network, images: NDArray[np.uint8], batch: int = BATCH) -> Iterator[tuple[Tensor, ...]]:
    """Run `network` over images (N,C,H,W) and yield its outputs batch by batch.

    Every batch has `batch` images; the last one is padded with repeats that are cut off again. Kernels are chosen by
    the shape of a batch, and another kernel rounds differently.
    """
    for start in range(0, len(images), batch):
        block = np.array(images[start : start + batch])  # a copy: the array may be a read-only memory map
        padded = np.concatenate([block, np.repeat(block[:1], batch - len(block), axis=0)])
        with torch.inference_mode():
            outputs = network(torch.from_numpy(padded))
        yield tuple(output[: len(block)].float() for output in outputs)


def extract(network: Network, images: NDArray[np.uint8]) -> tuple[Tensor, ...]:
    """Return each output of `network` for images (N,C,H,W), N at least 1, as one float32 tensor of N rows.

    The tensors are allocated before the batches: batches kept one by one would pin the heap between the large buffers
    of the network, and memory would grow with their number.
    """
    outputs: list[Tensor] = []
    start = 0
    for parts in stream(network, images):
        outputs = outputs or [torch.empty(len(images), *part.shape[1:]) for part in parts]
        for output, part in zip(outputs, parts, strict=True):
            output[start : start + len(part)] = part
        start += len(parts[0])
    return tuple(outputs)
