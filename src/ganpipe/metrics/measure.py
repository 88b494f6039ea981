"""Computation of one metric: check its requirements, compute its value, estimate its standard error."""

import math

import numpy as np

from ganpipe.common.random_streams import numpy_stream
from ganpipe.metrics.evaluation import Evaluation
from ganpipe.metrics.registry import Metric

_GROUPS = 20


def missing_requirement(metric: Metric, evaluation: Evaluation) -> str:
    """Return why the metric cannot be computed, with a suggested fix; empty if it can."""
    for requirement in metric.requires:
        if reason := evaluation.missing(requirement):
            return reason
    if len(evaluation) < metric.min_samples:
        return f"needs at least {metric.min_samples} samples, there are {len(evaluation)}: raise sample.count"
    real, available = len(evaluation.real.features), len(evaluation.context.compared_rows)
    if metric.real == "subset" and real < metric.min_samples:
        fix = "raise evaluate.real" if real < available else "add images to the dataset"
        return f"needs at least {metric.min_samples} real images, there are {real}: {fix}"
    return ""


def measure(metric: Metric, evaluation: Evaluation) -> float:
    """Return the metric's value. Raises ValueError if it is not finite: such a number must not be recorded."""
    value = float(metric.compute(evaluation))
    if not math.isfinite(value):
        raise ValueError(f"{metric.name} is {value} for {len(evaluation)} images")
    return value


def standard_error(metric: Metric, evaluation: Evaluation) -> float | None:
    """Return the standard error of the metric over draws of as many samples; None if it is not estimated.

    The grouped jackknife: the value is recomputed without each of 20 random groups of samples. All these values use
    nearly as many samples, so the bias of a Fréchet distance of few samples is nearly equal in all of them.
    Source: Efron and Tibshirani, An introduction to the bootstrap, 1993, eq. 11.5, with groups in place of samples.
    """
    count = len(evaluation)
    if not metric.jackknife or count < 2 * _GROUPS:
        return None
    shuffled = numpy_stream(evaluation.settings.seed, "metrics").permutation(count)
    groups = np.array_split(shuffled, _GROUPS)
    values = [metric.compute(evaluation.subset(np.setdiff1d(shuffled, group))) for group in groups]
    return float(np.std(values) * np.sqrt(_GROUPS - 1))
