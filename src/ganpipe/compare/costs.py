"""The number by which a metric ranks."""

import math

from ganpipe.common.errors import UserError
from ganpipe.common.types import Direction
from ganpipe.compare.runs import Metric

LEAST_RATIO = 1e-12
"""Lower bound of a ratio to real images: a ratio of zero is as far from them as possible, but must remain a number."""


def ranked_value(metric: Metric, direction: Direction) -> float:
    """Return the number that is ranked: the value, or |ln ratio| if closer to real images is better.

    Raises UserError for the direction `real` if the metric has no ratio.
    """
    if direction != "real":
        return metric.value
    if metric.ratio is None:
        raise UserError("select.direction = real: the metric has no ratio to real images. Set it to lower or higher.")
    return abs(math.log(max(metric.ratio, LEAST_RATIO)))


def as_cost(value: float, direction: Direction) -> float:
    """Return a number that increases as the result gets worse. value: as returned by `ranked_value`, or their mean."""
    return -value if direction == "higher" else value
