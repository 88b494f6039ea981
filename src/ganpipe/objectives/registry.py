"""Objectives by the names of the settings: functions of the modules `losses`, `penalties` and `augment`."""

from collections.abc import Callable, Sequence
from importlib import import_module
from inspect import signature
from typing import Any

from torch import Tensor

from ganpipe.objectives.objective import Objective, Smoothing

Penalty = Callable[[Callable[[Tensor], Tensor], Tensor, Tensor, float], Tensor]
Augmentation = Callable[[Tensor], Tensor]


def build_objective(loss: str, smooth_real: float, smooth_fake: float) -> Objective:
    """The loss with its targets smoothed, where it has targets."""
    build = _named("losses", loss)
    smoothed = "smoothing" in signature(build).parameters
    objective: Objective = build(Smoothing(smooth_real, smooth_fake)) if smoothed else build()
    return objective


def find_penalty(name: str) -> Penalty | None:
    """The penalty on the discriminator's gradient, or None for "none"."""
    return None if name == "none" else _named("penalties", name)


def build_augmentation(policies: Sequence[str]) -> Augmentation:
    """What the discriminator's images pass through: the policies one after the other."""
    steps: list[Augmentation] = [_named("augment", policy) for policy in policies]

    def augment(images: Tensor) -> Tensor:
        for step in steps:
            images = step(images)
        return images

    return augment


def _named(module: str, name: str) -> Any:
    # Looked up at run time, so that a run's fingerprint holds its own objective and not its neighbours in the file.
    return getattr(import_module(f"ganpipe.objectives.{module}"), name)
