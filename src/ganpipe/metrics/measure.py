"""One metric on one case: its number, or the reason why there is none."""

import math

from ganpipe.metrics.case import Case
from ganpipe.metrics.registry import Metric


def why_absent(metric: Metric, case: Case) -> str:
    """Why the metric cannot be computed here, and the cure; empty when it can."""
    for need in metric.needs:
        if reason := case.lacks(need):
            return reason
    if len(case.images) < metric.minimum:
        return f"needs at least {metric.minimum} images, there are {len(case.images)}: raise sample.count"
    if metric.real == "subset" and len(case.real.features) < metric.minimum:
        return f"needs at least {metric.minimum} real images, there are {len(case.real.features)}: raise evaluate.real"
    return ""


def measure(metric: Metric, case: Case) -> float:
    """The metric's number. Raises ValueError when it is not finite: such a number must not be passed on."""
    value = float(metric.compute(case))
    if not math.isfinite(value):
        raise ValueError(f"{metric.name} is {value} on {len(case.images)} images")
    return value
