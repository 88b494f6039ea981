"""How the winner is chosen: the `select` section of params.yaml."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ganpipe.options import Fraction

Direction = Literal["lower", "higher", "real"]


class SelectSettings(BaseModel):
    """The metric that decides, and what decides when it does not.

    metric: the name of a metric in the score records.
    direction: which way is better; None takes the direction that the metric itself declares. `real` ranks by
        |ln(value / value of the real data)|: twice the real sharpness is as far off as half of it.
    tie: metrics asked in this order when two experiments tie; the experiment's name decides at last.
    tolerance: experiments whose mean lies within this fraction of the best one's mean tie with it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str = Field(default="fd_judge", min_length=1)
    direction: Direction | None = None
    tie: tuple[str, ...] = ()
    tolerance: Fraction = 0.0
