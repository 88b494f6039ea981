"""Significance of the differences between experiments over their training seeds.

The unit of replication is the training seed: every experiment contributes one value per seed, and the values of
different seeds are independent. How much a value would change with other samples of the same network is part of the
variation between seeds, and is not added again.

Method. Every pair of experiments is compared by Welch's t-test (Welch, The generalization of "Student's" problem when
several different population variances are involved, 1947), with the degrees of freedom of Satterthwaite (1946). The
p-values of all pairs are adjusted by Holm's step-down procedure (A simple sequentially rejective multiple test
procedure, 1979), so that with the chosen confidence no difference at all is claimed falsely. The confidence level of
each interval is that of its step of the procedure (Serlin, Confidence intervals and the scientific method: a case for
Holm on the range, 1993): an interval excludes zero exactly if the difference is significant.

Assumptions. Values of one experiment are independent and roughly normal over seeds; variances may differ between
experiments. Positive values whose lower is better are compared by their logarithms: distances vary in proportion to
their size (Dufour et al., arXiv 2606.20536, find a coefficient of variation that does not depend on the model's size),
so a logarithm makes variances comparable. A pooled or shrunk variance would detect more, but claims false differences
if some experiments vary more than others; see docs/verdict.md for the simulation.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from scipy.special import stdtr, stdtrit

Interval = tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """Difference of two means, first minus second, with its confidence interval and its p-values."""

    estimate: float
    interval: Interval
    p_value: float
    adjusted_p_value: float
    significant: bool


def mean_interval(values: Sequence[float], confidence: float) -> Interval | None:
    """Return Student's confidence interval of the mean; None for fewer than two values."""
    if len(values) < 2:
        return None
    error = statistics.stdev(values) / math.sqrt(len(values))
    return _interval(_mean(values), error, len(values) - 1, confidence)


def compare_all_pairs(values: Mapping[str, Sequence[float]], confidence: float) -> dict[tuple[str, str], Difference]:
    """Compare every pair of groups that have two values or more each; keys keep the order of `values`.

    The probability of one significant difference or more between groups with equal means is at most 1 - confidence.
    """
    replicated = [name for name, group in values.items() if len(group) > 1]
    tests = {pair: _welch(values[pair[0]], values[pair[1]]) for pair in combinations(replicated, 2)}
    differences = {}
    largest, level, rejecting = 0.0, confidence, True
    ordered = sorted(tests, key=lambda pair: tests[pair].p_value)
    for step, pair in enumerate(ordered):
        test, hypotheses = tests[pair], len(ordered) - step
        largest = max(largest, min(hypotheses * test.p_value, 1.0))
        if rejecting:  # after the first difference that is not significant, the level remains
            level = 1 - (1 - confidence) / hypotheses
            rejecting = largest <= 1 - confidence
        interval = _interval(test.estimate, test.error, test.freedom, level)
        differences[pair] = Difference(test.estimate, interval, test.p_value, largest, rejecting)
    return {pair: differences[pair] for pair in tests}


@dataclass(frozen=True)
class _Welch:
    estimate: float
    error: float
    freedom: float
    p_value: float


def _welch(first: Sequence[float], second: Sequence[float]) -> _Welch:
    estimate = _mean(first) - _mean(second)
    errors = [statistics.stdev(group) / math.sqrt(len(group)) for group in (first, second)]
    error = math.hypot(*errors)
    if error == 0:  # no variation at all: any difference is certain
        return _Welch(estimate, 0.0, 1.0, 1.0 if estimate == 0 else 0.0)
    shares = [(single / error) ** 2 for single in errors]
    freedom = 1 / sum(share**2 / (len(group) - 1) for share, group in zip(shares, (first, second), strict=True))
    return _Welch(estimate, error, freedom, float(2 * stdtr(freedom, -abs(estimate) / error)))


def _interval(estimate: float, error: float, freedom: float, confidence: float) -> Interval:
    half = float(stdtrit(freedom, (1 + confidence) / 2)) * error
    return estimate - half, estimate + half


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
