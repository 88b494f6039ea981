"""Compute one metric of one set of samples: find it by name, check its requirements, estimate its error."""

import math
from importlib import import_module

import numpy as np

from ganpipe.metrics.evaluation import Evaluation
from ganpipe.metrics.registry import METRICS, Metric

_GROUPS = 20


def lookup(name: str) -> Metric:
    """The metric of that name. Raises KeyError, with the names there are, when there is none."""
    import_module("ganpipe.metrics.definitions")  # by name: a fingerprint must not reach every metric from here
    if name not in METRICS:
        raise KeyError(f"no metric {name}; there are {', '.join(sorted(METRICS))}")
    return METRICS[name]


def missing_requirement(metric: Metric, case: Evaluation) -> str:
    """Why the metric cannot be computed here, and the cure; empty when it can."""
    for need in metric.needs:
        if reason := case.lacks(need):
            return reason
    if len(case.images) < metric.minimum:
        return f"needs at least {metric.minimum} images, there are {len(case.images)}: raise sample.count"
    if metric.real == "subset" and len(case.real.features) < metric.minimum:
        return f"needs at least {metric.minimum} real images, there are {len(case.real.features)}: raise evaluate.real"
    return ""


def measure(metric: Metric, case: Evaluation) -> float:
    """The metric's number. Raises ValueError when it is not finite: such a number must not be passed on."""
    value = float(metric.compute(case))
    if not math.isfinite(value):
        raise ValueError(f"{metric.name} is {value} on {len(case.images)} images")
    return value


def standard_error(metric: Metric, case: Evaluation) -> float | None:
    """How much the metric's number changes from draw to draw of as many samples; None where it is not estimated.

    The jackknife over groups: the number is computed again without each of 20 random groups of samples. Every such
    value is of almost as many samples, so what biases a Fréchet distance of few samples is alike in all of them.
    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, eq. 11.5, with groups in place of samples.
    """
    count = len(case.images)
    if not metric.jackknife or count < 2 * _GROUPS:
        return None
    shuffled = np.random.default_rng(case.settings.seed).permutation(count)
    left_out = np.array_split(shuffled, _GROUPS)
    values = [metric.compute(case.part(np.setdiff1d(shuffled, group))) for group in left_out]
    return float(np.std(values) * np.sqrt(_GROUPS - 1))
