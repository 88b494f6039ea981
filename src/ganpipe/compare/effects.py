"""What the varied settings of an experiment did: main effects and interactions, decided by the training seeds.

The grid is read as a factorial design (Montgomery, Design and Analysis of Experiments, 2017, chapter 5). A setting is
compared only within blocks of experiments that agree in all other varied settings and contain every one of its values,
so that no effect is mixed with another. The replicate is the training seed: each seed gives one mean over the blocks
per value, and intervals are Student's over the seeds, with Bonferroni's adjustment for all pairs of values. Positive
distances are compared by their logarithms, as in `verdict`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from ganpipe.common.variation import base_name, overrides_of
from ganpipe.compare.leaderboard import Leaderboard, Scale
from ganpipe.compare.runs import train_settings
from ganpipe.compare.significance import Interval, mean_interval


@dataclass(frozen=True)
class Level:
    """One value of a varied setting.

    mean: of the ranked metric over blocks and seeds (geometric on the scale `ratio`). interval: of the mean, None for
    one seed. behind: how much worse than the best value (a ratio or a difference); behind_interval: its interval,
    adjusted for all pairs of values. Both are None for the best value, behind_interval also for one seed. distinct:
    whether it is distinctly worse than the best value.
    """

    value: str
    mean: float
    interval: Interval | None
    behind: float | None
    behind_interval: Interval | None
    distinct: bool


@dataclass(frozen=True)
class MainEffect:
    """Effect of one setting: its values, the best first. blocks: over how many combinations of the others."""

    setting: str
    levels: tuple[Level, ...]
    blocks: int

    @property
    def established(self) -> bool:
        """Whether the best value is distinctly better than every other one."""
        return all(level.distinct for level in self.levels[1:])


@dataclass(frozen=True)
class Interaction:
    """A combination of two values that is better or worse than the two effects explain.

    effect: factor or difference that the main effects do not explain; interval: adjusted for all combinations.
    """

    settings: tuple[str, str]
    values: tuple[str, str]
    effect: float
    interval: Interval


@dataclass(frozen=True)
class GridEffects:
    """Effects within one catalogue entry and its variations.

    cells: values of all varied settings (in the order of `settings`) -> mean of the metric, of each ranked experiment.
    interactions: those whose interval excludes no effect. not_estimated: settings without a complete block.
    """

    base: str
    scale: Scale
    settings: tuple[str, ...]
    cells: Mapping[tuple[str, ...], float]
    effects: tuple[MainEffect, ...]
    interactions: tuple[Interaction, ...]
    not_estimated: tuple[str, ...]


Cells = Mapping[tuple[str, ...], Mapping[int, float]]
"""Values of the settings -> seed -> cost: lower is better."""


def grid_effects(
    board: Leaderboard, plans: Mapping[str, Mapping[str, Any]], confidence: float
) -> tuple[GridEffects, ...]:
    """Return the effects of every catalogue entry of which variations are ranked. plans: run -> its plan."""
    groups: dict[str, list[str]] = {}
    for place in board.places:
        groups.setdefault(base_name(place.experiment), []).append(place.experiment)
    return tuple(
        _effects(board, base, names, plans, confidence)
        for base, names in sorted(groups.items())
        if len(names) > 1 and any(map(overrides_of, names))
    )


def _effects(
    board: Leaderboard, base: str, names: Sequence[str], plans: Mapping[str, Mapping[str, Any]], confidence: float
) -> GridEffects:
    settings = tuple(dict.fromkeys(path for name in sorted(names) for path in overrides_of(name)))
    scale: Scale = board.scale or "difference"
    sign = -1 if board.direction == "higher" else 1
    cells: dict[tuple[str, ...], dict[int, float]] = {}
    means = {}
    for place in board.places:
        if place.experiment in names:
            values = tuple(_setting(train_settings(plans[place.runs[0]]), path) for path in settings)
            costs = (math.log(value) if scale == "ratio" else sign * value for value in place.values)
            cells[values] = {int(plans[run]["seed"]): cost for run, cost in zip(place.runs, costs, strict=True)}
            means[values] = place.mean
    found = {path: _main_effect(cells, axis, path, scale, sign, confidence) for axis, path in enumerate(settings)}
    pairs = combinations(range(len(settings)), 2)
    interactions = [_largest_interaction(cells, pair, settings, scale, sign, confidence) for pair in pairs]
    return GridEffects(
        base=base,
        scale=scale,
        settings=settings,
        cells=means,
        effects=tuple(effect for effect in found.values() if effect),
        interactions=tuple(interaction for interaction in interactions if interaction),
        not_estimated=tuple(path for path, effect in found.items() if effect is None),
    )


def _setting(train: Mapping[str, Any], path: str) -> str:
    """Return the value of a setting in a plan, as text."""
    value: Any = train
    for part in path.split("."):
        value = (
            value[int(part)] if isinstance(value, list) else value.get(part) if isinstance(value, Mapping) else value
        )
    return value if isinstance(value, str) else json.dumps(value)


def _complete_blocks(cells: Cells, axes: Sequence[int]) -> list[dict[tuple[str, ...], Mapping[int, float]]]:
    """Return the blocks that contain every combination of values of some axes: values -> costs by seed."""
    blocks: dict[tuple[str, ...], dict[tuple[str, ...], Mapping[int, float]]] = {}
    for values, costs in cells.items():
        others = tuple(value for axis, value in enumerate(values) if axis not in axes)
        blocks.setdefault(others, {})[tuple(values[axis] for axis in axes)] = costs
    combinations_ = set(product(*({values[axis] for values in cells} for axis in axes)))
    return [block for block in blocks.values() if block.keys() == combinations_]


def _by_seed(blocks: Sequence[Mapping[tuple[str, ...], Mapping[int, float]]]) -> dict[tuple[str, ...], list[float]]:
    """Return the mean cost over the blocks of every combination, for each seed that all cells have."""
    seeds = sorted(set.intersection(*(set(costs) for block in blocks for costs in block.values())))
    return {
        values: [math.fsum(block[values][seed] for block in blocks) / len(blocks) for seed in seeds]
        for values in blocks[0]
    }


def _main_effect(
    cells: Cells, axis: int, setting: str, scale: Scale, sign: int, confidence: float
) -> MainEffect | None:
    blocks = _complete_blocks(cells, [axis])
    costs = {values[0]: group for values, group in _by_seed(blocks).items()} if blocks else {}
    if len(costs) < 2 or not next(iter(costs.values())):
        return None
    order = sorted(costs, key=lambda value: (_mean(costs[value]), value))
    best, adjusted = order[0], 1 - (1 - confidence) / math.comb(len(order), 2)
    levels = []
    for value in order:
        differences = [other - first for other, first in zip(costs[value], costs[best], strict=True)]
        excess = None if value == best else mean_interval(differences, adjusted)
        levels.append(
            Level(
                value=value,
                mean=_metric(_mean(costs[value]), scale, sign),
                interval=_metric_interval(mean_interval(costs[value], confidence), scale, sign),
                behind=None if value == best else _restored(_mean(differences), scale),
                behind_interval=_restored_interval(excess, scale),
                distinct=excess is not None and excess[0] > 0,
            )
        )
    return MainEffect(setting, tuple(levels), len(blocks))


def _largest_interaction(
    cells: Cells, pair: tuple[int, int], settings: Sequence[str], scale: Scale, sign: int, confidence: float
) -> Interaction | None:
    """Return the combination that the main effects explain worst, if its interval excludes no effect."""
    blocks = _complete_blocks(cells, pair)
    costs = _by_seed(blocks) if blocks else {}
    rows, columns = ({values[part] for values in costs} for part in (0, 1))
    if min(len(rows), len(columns)) < 2:
        return None
    seeds = len(next(iter(costs.values())))
    residuals = {values: [_residual(costs, values, seed) for seed in range(seeds)] for values in costs}
    largest = max(residuals, key=lambda values: (abs(_mean(residuals[values])), values))
    interval = mean_interval(residuals[largest], 1 - (1 - confidence) / len(residuals))
    if interval is None or interval[0] <= 0 <= interval[1]:
        return None
    effect, restored = _restored(_mean(residuals[largest]), scale), _restored_interval(interval, scale)
    assert restored is not None
    if scale == "difference" and sign < 0:
        effect, restored = -effect, (-restored[1], -restored[0])
    first, second = (settings[axis] for axis in pair)
    return Interaction((first, second), (largest[0], largest[1]), effect, restored)


def _residual(costs: Mapping[tuple[str, ...], Sequence[float]], values: tuple[str, ...], seed: int) -> float:
    """Return the cost of a combination minus what the two main effects predict."""
    row = _mean([group[seed] for other, group in costs.items() if other[0] == values[0]])
    column = _mean([group[seed] for other, group in costs.items() if other[1] == values[1]])
    return costs[values][seed] - row - column + _mean([group[seed] for group in costs.values()])


def _metric(cost: float, scale: Scale, sign: int) -> float:
    return math.exp(cost) if scale == "ratio" else sign * cost


def _metric_interval(interval: Interval | None, scale: Scale, sign: int) -> Interval | None:
    if interval is None:
        return None
    low, high = sorted(_metric(bound, scale, sign) for bound in interval)
    return low, high


def _restored(cost: float, scale: Scale) -> float:
    return math.exp(cost) if scale == "ratio" else cost


def _restored_interval(interval: Interval | None, scale: Scale) -> Interval | None:
    return None if interval is None else (_restored(interval[0], scale), _restored(interval[1], scale))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
