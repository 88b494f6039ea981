"""Ranks with ties, and the verdict of a leaderboard, decided by the training seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ganpipe.common.types import Direction
from ganpipe.compare.leaderboard import Comparison, Scale, Verdict
from ganpipe.compare.significance import Interval, compare_all_pairs, mean_interval
from ganpipe.config import SelectSettings

SeedValues = Mapping[str, Sequence[float]]
"""Experiment -> one value per seed, in the order of the experiments' means, the best first."""


@dataclass(frozen=True)
class Decision:
    """Ranks (first and last possible) and intervals of experiments, their comparisons, and the verdict."""

    ranks: Mapping[str, tuple[int, int]]
    intervals: Mapping[str, Interval | None]
    scale: Scale
    comparisons: tuple[Comparison, ...]
    verdict: Verdict


def decide(values: SeedValues, direction: Direction, select: SelectSettings) -> Decision:
    """Compare all experiments and derive ranks and verdict.

    An experiment is distinctly better than another if the difference is significant, agrees with the order of the means
    and exceeds `select.tolerance`. Positive values whose lower is better are compared as ratios, by their logarithms.
    """
    names, scale = tuple(values), _scale(values, direction)
    comparisons = _compare(values, direction, scale, select)
    if comparisons:
        ranks = {name: _rank_range(name, len(names), comparisons) for name in names}
        candidates = tuple(name for name in names if ranks[name][0] == 1)
        verdict = Verdict("established" if len(candidates) == 1 else "tie", candidates, _either(candidates))
    else:
        ranks = {name: (position, position) for position, name in enumerate(names, 1)}
        verdict = _untested_verdict(names)
    intervals = {name: _mean_interval(group, scale, select.confidence) for name, group in values.items()}
    return Decision(ranks, intervals, scale, comparisons, verdict)


def _scale(values: SeedValues, direction: Direction) -> Scale:
    positive = all(value > 0 for group in values.values() for value in group)
    return "ratio" if direction == "lower" and positive else "difference"


def _compare(values: SeedValues, direction: Direction, scale: Scale, select: SelectSettings) -> tuple[Comparison, ...]:
    sign = -1 if direction == "higher" else 1
    costs = {
        name: [math.log(value) if scale == "ratio" else sign * value for value in group]
        for name, group in values.items()
    }
    means = {name: math.fsum(group) / len(group) for name, group in values.items()}
    comparisons = []
    for (better, worse), difference in compare_all_pairs(costs, select.confidence).items():
        excess = -difference.estimate
        low, high = (-bound for bound in reversed(difference.interval))
        exceeds_tolerance = abs(means[better] - means[worse]) > select.tolerance * abs(means[better])
        comparisons.append(
            Comparison(
                better=better,
                worse=worse,
                effect=_restored(excess, scale),
                interval=(_restored(low, scale), _restored(high, scale)),
                p_value=difference.p_value,
                adjusted_p_value=difference.adjusted_p_value,
                distinct=difference.significant and excess > 0 and exceeds_tolerance,
            )
        )
    return tuple(comparisons)


def _restored(excess: float, scale: Scale) -> float:
    return math.exp(excess) if scale == "ratio" else excess


def _rank_range(name: str, count: int, comparisons: Sequence[Comparison]) -> tuple[int, int]:
    distinct = [pair for pair in comparisons if pair.distinct]
    return 1 + sum(pair.worse == name for pair in distinct), count - sum(pair.better == name for pair in distinct)


def _mean_interval(values: Sequence[float], scale: Scale, confidence: float) -> Interval | None:
    if scale == "difference":
        return mean_interval(values, confidence)
    interval = mean_interval([math.log(value) for value in values], confidence)
    return None if interval is None else (math.exp(interval[0]), math.exp(interval[1]))


def _untested_verdict(names: tuple[str, ...]) -> Verdict:
    if len(names) == 1:
        return Verdict("unopposed", names, names[0])
    return Verdict("one seed", names, "not established from one seed")


def _either(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
