"""Is this training still one? Rules that name a failure, so that it can be recorded as a result."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

CHECK_EVERY = 50
"""Steps between two looks at the losses: at fixed steps, so that a resumed run meets the same verdicts."""
LOSS_LIMIT = 1e4
WEIGHT_LIMIT = 100.0
COLLAPSE_SHARE = 0.1
SATURATION_ACCURACY = 0.999
SATURATION_DISTANCE = 0.02


def diverged_losses(values: Tensor, columns: Iterable[str]) -> str:
    """Why recent steps (steps, columns) count as divergence, or "" when they do not.

    A loss has diverged when it is not finite, or when its mean size over these steps is above LOSS_LIMIT.
    """
    for name, column in zip(columns, values.T, strict=True):
        if not torch.isfinite(column).all():
            return f"{name} is not finite"
        if name.startswith("loss") and column.abs().mean() > LOSS_LIMIT:
            return f"{name} has grown to {column.abs().mean():.3g}, above {LOSS_LIMIT:g}"
    return ""


def diverged_weights(networks: Mapping[str, nn.Module]) -> str:
    """Why weights count as divergence: not finite, or a root mean square above WEIGHT_LIMIT; "" if they do not."""
    for player, network in networks.items():
        for name, weight in network.named_parameters():
            if not torch.isfinite(weight).all():
                return f"{name} of the {player} is not finite"
            size = weight.square().mean().sqrt()
            if size > WEIGHT_LIMIT:
                return f"{name} of the {player} has grown to a size (RMS) of {size:.3g}, above {WEIGHT_LIMIT:g}"
    return ""


def spread(images: NDArray[np.uint8]) -> float:
    """How much images differ: the standard deviation over images, averaged over pixels, in [0, 127.5]."""
    return float(images.astype(np.float64).std(axis=0).mean())


def collapsed(generated: NDArray[np.uint8], real: NDArray[np.uint8]) -> str:
    """Why generated images count as collapse: they differ less than COLLAPSE_SHARE of what real ones do; "" if not."""
    share = spread(generated) / max(spread(real), 1e-9)
    if share < COLLAPSE_SHARE:
        return (
            f"images from different noise differ only {share:.1%} as much as real ones do (limit {COLLAPSE_SHARE:.0%})"
        )
    return ""


def saturated(means: Mapping[str, float]) -> str:
    """Why an epoch's means count as a saturated discriminator; "" if not.

    Either it is right on practically every image, or what it says of real and of generated images lies on the targets
    1 and 0 (then a least-squares loss of D is next to 0 and that of G next to 1, as in document 002, experiment 1,
    whatever the accuracies). The generator then gets next to no gradient (Arjovsky and Bottou 2017).
    """
    accuracy = min(means.get("acc_real", 0.0), means.get("acc_fake", 0.0))
    if accuracy >= SATURATION_ACCURACY:
        return f"over the last epoch the discriminator told {accuracy:.2%} of real and generated images apart"
    real, fake = means.get("d_real", 0.0), means.get("d_fake_1", 1.0)
    if max(abs(real - 1), abs(fake)) < SATURATION_DISTANCE:
        return f"over the last epoch the discriminator gave real images {real:.3f} and generated ones {fake:.3f}"
    return ""
