"""What the judge recognises in samples. Logits are (N, classes), shares (classes,) sum to 1."""

import torch
from torch import Tensor

_COVERED = 0.1


def shares(logits: Tensor) -> Tensor:
    """Share of images (classes,) that the judge gives to each class, float64."""
    counts = torch.bincount(logits.argmax(1), minlength=logits.shape[1])
    return counts.double() / len(logits)


def coverage(found: Tensor, real: Tensor) -> float:
    """Share of the real images' classes that get at least a tenth of their share among the samples."""
    present = real > 0
    return float((found >= _COVERED * real)[present].double().mean())


def balance(found: Tensor, real: Tensor) -> float:
    """1 - total variation distance between the classes' shares: 1 when they are those of the real images."""
    return float(1 - (found - real).abs().sum() / 2)


def confidence(logits: Tensor) -> float:
    """Mean over images of the probability of the likeliest class."""
    return float(logits.double().softmax(1).amax(1).mean())
