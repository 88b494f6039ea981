"""Types of settings that may change during a training: a number, a schedule or an adaptive value."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Discriminator, Field, Tag

from ganpipe.common.schedule import AdaptiveAugmentation, Schedule
from ganpipe.common.types import Fraction, Positive

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
