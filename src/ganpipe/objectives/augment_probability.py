"""The probability with which each augmentation is applied to an image: constant, scheduled or adaptive."""

from typing import Any

import torch
from torch import Tensor

from ganpipe.common import distributed
from ganpipe.common.schedule import AdaptiveAugmentation, Schedule, value_at

INTERVAL = 4
"""Discriminator steps between two adjustments (Karras et al. 2020, section 3)."""


class Probability:
    """A constant or scheduled probability. A constant of 1 draws no random numbers."""

    def __init__(self, setting: float | Schedule) -> None:
        self._setting = setting
        self.value: float | Tensor = value_at(setting, 0, 1)

    def select(self, augmented: Tensor, images: Tensor) -> Tensor:
        """Return each image (N, C, H, W) augmented with the present probability, independently of the others."""
        if self._setting == 1.0:
            return augmented
        chosen = torch.rand(len(images), 1, 1, 1, device=images.device) < self.value
        return torch.where(chosen, augmented, images)

    def set_step(self, step: int, steps: int) -> None:
        """Set the probability of a step (from 0) of `steps`."""
        self.value = value_at(self._setting, step, steps)

    def observe(self, real_logits: Tensor, boundary: float) -> None:
        """Take note of the logits (N,) of augmented training images after a step of D; without effect here."""

    def scalars(self) -> dict[str, Tensor]:
        """Return what is recorded for a step; nothing here."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return what a bit-exact resume needs; nothing here."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state returned by `state_dict`."""


class AdaptiveProbability(Probability):
    """A probability p that holds D's overfitting at a target (ADA, Karras et al. 2020, section 3).

    r_t = E[sign D(T(x))] over training images x is 0 if D cannot tell them from generated ones, 1 if it recognises all.
    Every INTERVAL steps of D, p moves by a fixed amount: up if r_t over these steps is above the target, else down. The
    amount is such that p can rise from 0 to 1 within the number of images that the settings state. p starts at 0.
    """

    def __init__(self, settings: AdaptiveAugmentation, device: torch.device) -> None:
        super().__init__(0.0)
        self._target, self._images = settings.target, settings.images
        # Tensors, so that no step waits for the device.
        self.value: Tensor = torch.zeros((), device=device)
        self._signs = torch.zeros((), device=device)
        self._observed = 0

    def set_step(self, step: int, steps: int) -> None:
        """Do nothing: the probability depends on the discriminator."""

    def observe(self, real_logits: Tensor, boundary: float) -> None:
        """Adjust the probability after every INTERVAL calls. boundary: D classifies an image above it as real."""
        # Averaged in every step, since checkpoints contain the sum of the first process only.
        mean = distributed.all_reduce_mean({"sign": (real_logits - boundary).sign().mean()})["sign"]
        self._signs = self._signs + mean
        self._observed += 1
        if self._observed < INTERVAL:
            return
        images = len(real_logits) * distributed.world_size() * INTERVAL
        change = (self._signs / INTERVAL - self._target).sign() * (images / self._images)
        self.value = (self.value + change).clamp(0, 1)
        self._signs, self._observed = torch.zeros_like(self._signs), 0

    def scalars(self) -> dict[str, Tensor]:
        """Return the present probability."""
        return {"augment_probability": self.value}

    def state_dict(self) -> dict[str, Any]:
        """Return what a bit-exact resume needs."""
        return {"value": self.value, "signs": self._signs, "observed": self._observed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state returned by `state_dict`."""
        self.value, self._signs, self._observed = state["value"], state["signs"], state["observed"]


def build_probability(setting: float | Schedule | AdaptiveAugmentation, device: torch.device) -> Probability:
    """Return the probability that the setting `augment_probability` describes."""
    return AdaptiveProbability(setting, device) if isinstance(setting, AdaptiveAugmentation) else Probability(setting)
