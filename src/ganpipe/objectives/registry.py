"""Find losses, penalties and augmentations by name: functions of the modules `losses`, `penalties` and `augment`."""

from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import signature
from typing import Any

from torch import Tensor

from ganpipe.objectives.augment_probability import Probability
from ganpipe.objectives.objective import Objective, Smoothing

Penalty = Callable[[Callable[[Tensor], Tensor], Tensor, Tensor, float], Tensor]
Augmentation = Callable[[Tensor], Tensor]


def build_objective(loss: str, smooth_real: float, smooth_fake: float) -> Objective:
    """Return the loss, with smoothed targets if it has targets."""
    build = _find("losses", loss)
    has_targets = "smoothing" in signature(build).parameters
    objective: Objective = build(Smoothing(smooth_real, smooth_fake)) if has_targets else build()
    return objective


def find_penalty(name: str) -> Penalty | None:
    """Return the penalty, or None for "none"."""
    return None if name == "none" else _find("penalties", name)


def build_augmentation(policies: Sequence[str], probability: Probability) -> Augmentation:
    """Return the composition of the policies in this order, each applied to an image with the probability."""
    steps: list[Augmentation] = [_find("augment", policy) for policy in policies]

    def augment(images: Tensor) -> Tensor:
        for step in steps:
            images = probability.select(step(images), images)
        return images

    return augment


def _find(module: str, name: str) -> Any:
    # Looked up at run time, so that a run's fingerprint contains its own loss and not the others in the same file.
    return getattr(import_module(f"ganpipe.objectives.{module}"), name)
