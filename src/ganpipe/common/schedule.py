"""Settings that change during a training: schedules, and the controller of adaptive augmentation. No torch.

A schedule is a pure function of the step and of the number of steps, so that a resumed training continues it exactly.
"""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ganpipe.common.types import Count, Natural, NonNegative


class Schedule(BaseModel):
    """A value that moves from `start` to `end` over a training; without `end` it only warms up to `start`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: NonNegative
    end: NonNegative | None = None
    shape: Literal["cosine", "linear"] = "cosine"
    warmup: Natural = 0  # steps that rise linearly from 0 to `start`

    def at(self, step: int, steps: int) -> float:
        """Return the value at a step (from 0) of `steps`. `end` is reached at step `steps`, just after the last one.

        cosine: half a period (Loshchilov and Hutter 2017, equation 5, without restarts).
        """
        if step < self.warmup:
            return self.start * (step + 1) / self.warmup
        if self.end is None:
            return self.start
        progress = (step - self.warmup) / max(steps - self.warmup, 1)
        if self.shape == "cosine":
            progress = (1 - math.cos(math.pi * progress)) / 2
        return self.start + (self.end - self.start) * progress


class AdaptiveAugmentation(BaseModel):
    """Adaptive discriminator augmentation (ADA, Karras et al. 2020, section 3), which replaces a fixed probability."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: Annotated[float, Field(gt=-1, lt=1)]  # of r_t, the mean sign of D's logits for training images
    images: Count = 500_000  # training images in which the probability can rise from 0 to 1


def value_at(setting: float | Schedule, step: int, steps: int) -> float:
    """Return the value of a setting at a step (from 0) of `steps`."""
    return setting.at(step, steps) if isinstance(setting, Schedule) else setting
