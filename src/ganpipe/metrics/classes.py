"""Class statistics of samples, from the judge's logits (N, classes) or class shares (classes,) that sum to 1."""

import torch
from torch import Tensor

_COVERED = 0.1


def shares(logits: Tensor) -> Tensor:
    """Return the share of images that the judge assigns to each class, float64 (classes,)."""
    counts = torch.bincount(logits.argmax(1), minlength=logits.shape[1])
    return counts.double() / len(logits)


def coverage(found: Tensor, real: Tensor) -> float:
    """Return the share of the real images' classes that reach at least a tenth of their real share in the samples."""
    present = real > 0
    return float((found >= _COVERED * real)[present].double().mean())


def balance(found: Tensor, real: Tensor) -> float:
    """Return 1 - total variation distance between the class shares: 1 if they equal those of the real images."""
    return float(1 - (found - real).abs().sum() / 2)


def confidence(logits: Tensor) -> float:
    """Return the mean over images of the probability of the most likely class."""
    return float(logits.double().softmax(1).amax(1).mean())
