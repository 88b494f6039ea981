"""Settings that change during a training: schedules, and the controller of adaptive augmentation. No torch.

A schedule is a pure function of the step and of the number of steps, so that a resumed training continues it exactly.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from ganpipe.common.types import Count, Fraction, Natural, NonNegative, Positive


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


KINDS: dict[str, type[BaseModel] | None] = {"number": None, "schedule": Schedule, "adaptive": AdaptiveAugmentation}
"""The forms of a setting that may change, as they appear in the paths of pydantic's errors, and their classes."""


def _kind(value: Any) -> str:
    if isinstance(value, AdaptiveAugmentation) or (isinstance(value, Mapping) and "target" in value):
        return "adaptive"
    return "schedule" if isinstance(value, Schedule | Mapping) else "number"


def _within_unit(schedule: Schedule) -> Schedule:
    if max(schedule.start, schedule.end or 0.0) > 1:
        raise ValueError("a probability is at most 1")
    return schedule


def _below_one(schedule: Schedule) -> Schedule:
    if max(schedule.start, schedule.end or 0.0) >= 1:
        raise ValueError("a decay rate is less than 1")
    return schedule


_SCHEDULE = Annotated[Schedule, Tag("schedule")]
ScheduledPositive = Annotated[Annotated[Positive, Tag("number")] | _SCHEDULE, Discriminator(_kind)]
ScheduledFraction = Annotated[
    Annotated[Fraction, Tag("number")] | Annotated[Schedule, AfterValidator(_below_one), Tag("schedule")],
    Discriminator(_kind),
]
AugmentProbability = Annotated[
    Annotated[float, Field(ge=0, le=1), Tag("number")]
    | Annotated[Schedule, AfterValidator(_within_unit), Tag("schedule")]
    | Annotated[AdaptiveAugmentation, Tag("adaptive")],
    Discriminator(_kind),
]
