"""Detect failed trainings (divergence, collapse, saturated discriminator) so that they are recorded as results."""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganpipe.objectives.objective import Objective

Status = Literal["ok", "diverged", "collapsed", "saturated"]

CHECK_EVERY = 50
"""Steps between two divergence checks: at fixed steps, so that a resumed run reaches the same verdicts."""
LOSS_LIMIT = 1e4
WEIGHT_LIMIT = 100.0
COLLAPSE_RATIO = 0.1
SATURATION_ACCURACY = 0.999
SATURATION_DISTANCE = 0.02


def divergence(recent: Tensor, columns: Iterable[str], networks: Mapping[str, nn.Module]) -> str:
    """Return why recent steps (steps, columns) or the present weights count as diverged, or ""."""
    return diverged_losses(recent, columns) or diverged_weights(networks)


def diverged_losses(recent: Tensor, columns: Iterable[str]) -> str:
    """Return why recent steps (steps, columns) count as diverged, or "".

    A loss has diverged if it is not finite, or if its mean absolute value over these steps exceeds LOSS_LIMIT.
    """
    for name, column in zip(columns, recent.T, strict=True):
        if not torch.isfinite(column).all():
            return f"{name} is not finite"
        if name.startswith("loss") and column.abs().mean() > LOSS_LIMIT:
            return f"{name} has grown to {column.abs().mean():.3g}, above {LOSS_LIMIT:g}"
    return ""


def diverged_weights(networks: Mapping[str, nn.Module]) -> str:
    """Return which weight is not finite or has a root mean square above WEIGHT_LIMIT, or ""."""
    for player, network in networks.items():
        for name, weight in network.named_parameters():
            if not torch.isfinite(weight).all():
                return f"{name} of the {player} is not finite"
            size = weight.square().mean().sqrt()
            if size > WEIGHT_LIMIT:
                return f"{name} of the {player} has grown to a root mean square of {size:.3g}, above {WEIGHT_LIMIT:g}"
    return ""


def failure(
    generated: NDArray[np.uint8], real: NDArray[np.uint8], epoch: Mapping[str, float], objective: Objective | None
) -> tuple[Status, str]:
    """Return the failure that images and the means of the last epoch show, with its reason, or ("ok", "").

    generated, real: N,C,H,W, both spread over their distributions. epoch: empty before the end of the first.
    objective: None for methods without a discriminator.
    """
    if reason := collapsed(generated, real):
        return "collapsed", reason
    if objective and (reason := saturated(epoch, objective)):
        return "saturated", reason
    return "ok", ""


def spread(images: NDArray[np.uint8]) -> float:
    """Return the standard deviation over images, averaged over pixels, in [0, 127.5]."""
    return float(images.astype(np.float64).std(axis=0).mean())


def collapsed(generated: NDArray[np.uint8], real: NDArray[np.uint8]) -> str:
    """Return why generated images count as collapsed, or "": their spread is below COLLAPSE_RATIO of the real one."""
    ratio = spread(generated) / max(spread(real), 1e-9)
    if ratio < COLLAPSE_RATIO:
        return (
            f"images from different noise differ only {ratio:.1%} as much as real ones do (limit {COLLAPSE_RATIO:.0%})"
        )
    return ""


def saturated(means: Mapping[str, float], objective: Objective) -> str:
    """Return why an epoch's means count as a saturated discriminator, or "": G then receives almost no gradient.

    If the objective saturates, it is enough that practically every image is classified correctly (Arjovsky and Bottou
    2017). If its scores have the targets 1 and 0, they must not reach them: then a least-squares loss of D is near 0
    and that of G near 1, as in document 002, experiment 1, whatever the accuracies.
    """
    accuracy = min(means.get("acc_real", 0.0), means.get("acc_fake", 0.0))
    if objective.saturates and accuracy >= SATURATION_ACCURACY:
        return f"over the last epoch the discriminator classified {accuracy:.2%} of real and generated images correctly"
    real, fake = means.get("d_real", 0.0), means.get("d_fake_1", 1.0)
    if _has_unit_targets(objective) and max(abs(real - 1), abs(fake)) < SATURATION_DISTANCE:
        return f"over the last epoch the discriminator scored real images {real:.3f} and generated ones {fake:.3f}"
    return ""


def _has_unit_targets(objective: Objective) -> bool:
    """Return whether scores tend to 1 for real and to 0 for generated images: a critic's scores have another scale."""
    return float(objective.score(torch.tensor(objective.boundary))) == 0.5
