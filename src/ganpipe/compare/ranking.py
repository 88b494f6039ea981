"""The winner as a pure function of score records: no files, no clock, no history of past runs."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ganpipe.common.errors import UserError
from ganpipe.common.types import Direction
from ganpipe.compare.runs import Metric, Score, Status
from ganpipe.config import SelectSettings

UNFIT: tuple[Status, ...] = ("diverged", "collapsed")
"""Ends of a training that no rank is given to; a saturated discriminator may still leave a good generator."""

LEAST_RATIO = 1e-12
"""A ratio of zero counts as this: as far from the real data as can be said, but still a number."""


@dataclass(frozen=True)
class RankedExperiment:
    """An experiment that holds a rank.

    runs, values: one per seed, in the order of the seeds. mean, spread: over the seeds; spread is the sample
    standard deviation, None for a single seed. standard_error: of the mean, over draws of the samples from the same
    networks; None where it is not known. best_run: the seed with the best value.
    """

    rank: int
    experiment: str
    runs: tuple[str, ...]
    values: tuple[float, ...]
    mean: float
    spread: float | None
    standard_error: float | None
    best_run: str


@dataclass(frozen=True)
class UnrankedExperiment:
    """An experiment that holds no rank, and why."""

    experiment: str
    runs: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Lead:
    """What sets the first apart from the second.

    absolute: distance of the two means, positive when the first is better. relative: the same as a fraction of the
    second's mean, None when that is zero. decided_by: the metric that decided, or `name`.
    """

    absolute: float
    relative: float | None
    decided_by: str


@dataclass(frozen=True)
class Leaderboard:
    """The ranking of one dataset's experiments.

    Values, floor and ceiling are the metric itself, or |ln ratio| when `direction` is `real`. direction and
    protocol are None when no run has a number; lead is None below two places.
    """

    dataset: str
    metric: str
    direction: Direction | None
    protocol: str | None
    floor: float | None
    ceiling: float | None
    places: tuple[RankedExperiment, ...]
    unranked: tuple[UnrankedExperiment, ...]
    lead: Lead | None

    @property
    def winner(self) -> RankedExperiment | None:
        """The first place, if any experiment holds one."""
        return self.places[0] if self.places else None


@dataclass(frozen=True)
class Ranking:
    """One board per dataset, in order of the datasets' names: numbers of two datasets are never ranked together."""

    boards: tuple[Leaderboard, ...]

    @property
    def winners(self) -> tuple[RankedExperiment, ...]:
        """The winner of each dataset that has one."""
        return tuple(board.places[0] for board in self.boards if board.places)


def rank(scores: Iterable[Score], select: SelectSettings) -> Ranking:
    """Rank the experiments of each dataset by the mean of the chosen metric over their seeds.

    An experiment holds a rank only when every one of its seeds ended well and has the number: a mean over the
    survivors would flatter an unstable one. The others are listed apart, with the reason.

    Raises UserError when no run that ended well has the chosen metric or a metric of the tie rule, and when numbers
    of different protocols would have to be compared.
    """
    ordered = sorted(scores, key=lambda score: (score.experiment, score.seed))
    _check_names(ordered, select)
    datasets = sorted({score.dataset for score in ordered})
    return Ranking(tuple(_board(name, [s for s in ordered if s.dataset == name], select) for name in datasets))


def reading(metric: Metric, direction: Direction) -> float:
    """The number that is ranked: the value, or |ln ratio| when nearer to the real data is better."""
    if direction != "real":
        return metric.value
    if metric.ratio is None:
        raise UserError("select.direction: `real` needs a metric with a ratio to the real data; take lower or higher")
    return abs(math.log(max(metric.ratio, LEAST_RATIO)))


def _check_names(scores: Sequence[Score], select: SelectSettings) -> None:
    sound = [score for score in scores if score.status not in UNFIT]
    known = sorted({name for score in sound for name in score.metrics})
    wanted = [("select.metric", select.metric), *(("select.tie", name) for name in select.tie)]
    points = []
    for key, name in wanted:
        if sound and name not in known:
            reasons = sorted({score.absent[name] for score in sound if name in score.absent})
            points.append(f"{key}: no run has `{name}`{''.join(f' ({reason})' for reason in reasons)}")
    if points:
        cure = f"choose from: {', '.join(known) or 'nothing was computed; see evaluate.metrics'}"
        raise UserError.listing("params.yaml chooses by a metric that was not computed:", [*points, cure])


def _board(dataset: str, scores: Sequence[Score], select: SelectSettings) -> Leaderboard:
    experiments = {score.experiment: [s for s in scores if s.experiment == score.experiment] for score in scores}
    hindered = {name: _hindrance(seeds, select.metric) for name, seeds in experiments.items()}
    eligible = {name: seeds for name, seeds in experiments.items() if hindered[name] is None}
    unranked = tuple(
        UnrankedExperiment(name, tuple(seed.run for seed in experiments[name]), reason)
        for name, reason in hindered.items()
        if reason is not None
    )
    if not eligible:
        return Leaderboard(dataset, select.metric, select.direction, None, None, None, (), unranked, None)

    for name in (select.metric, *select.tie):
        _check_protocol(name, [score for seeds in eligible.values() for score in seeds if name in score.metrics])
    example = next(iter(eligible.values()))[0].metrics[select.metric]
    direction = select.direction or example.direction
    means = {name: _mean(seeds, select.metric, direction) for name, seeds in eligible.items()}
    groups = _groups(means, select.tolerance, direction)
    ties = {name: _tie_key(seeds, select.tie) for name, seeds in eligible.items()}
    order = sorted(eligible, key=lambda name: (groups[name], ties[name], name))
    places = tuple(_place(rank, eligible[name], select.metric, direction) for rank, name in enumerate(order, 1))
    lead = None
    if len(places) > 1:
        tied = groups[order[0]] == groups[order[1]]
        apart = (name for name, a, b in zip(select.tie, ties[order[0]], ties[order[1]], strict=True) if a != b)
        lead = _lead(places[0], places[1], direction, next(apart, "name") if tied else select.metric)
    return Leaderboard(
        dataset=dataset,
        metric=select.metric,
        direction=direction,
        protocol=example.protocol,
        floor=_reference(example, example.floor, direction),
        ceiling=_reference(example, example.ceiling, direction),
        places=places,
        unranked=unranked,
        lead=lead,
    )


def _hindrance(seeds: Sequence[Score], metric: str) -> str | None:
    """Why an experiment cannot be ranked, or None."""
    of = f" ({{}} of {len(seeds)} seeds)" if len(seeds) > 1 else ""
    failed = [seed for seed in seeds if seed.status in UNFIT]
    if failed:
        return "; ".join(dict.fromkeys(f"{seed.status}: {seed.reason}" for seed in failed)) + of.format(len(failed))
    without = [seed for seed in seeds if metric not in seed.metrics]
    if without:
        reasons = dict.fromkeys(seed.absent.get(metric, "not computed") for seed in without)
        return f"no {metric}: {'; '.join(reasons)}" + of.format(len(without))
    return None


def _check_protocol(metric: str, scores: Sequence[Score]) -> None:
    """Raise UserError that names the fields in which the protocols of one metric differ."""
    holders: dict[str, str] = {}
    fields: dict[str, dict[str, object]] = {}
    for score in scores:
        key = score.metrics[metric].protocol
        holders.setdefault(key, score.run)
        fields.setdefault(key, score.protocols.get(key, {"protocol": key}))
    if len(fields) < 2:
        return
    names = sorted({name for protocol in fields.values() for name in protocol})
    points = [
        f"{name}: " + ", ".join(f"{protocol.get(name)} ({holders[key]})" for key, protocol in fields.items())
        for name in names
        if len({repr(protocol.get(name)) for protocol in fields.values()}) > 1
    ]
    raise UserError.listing(
        f"`{metric}` was measured by different protocols, so the numbers cannot be ranked; give the experiments the "
        "same sample and evaluate settings and run `dvc repro`. What differs:",
        points,
    )


def _mean(seeds: Sequence[Score], metric: str, direction: Direction | None) -> float:
    readings = [reading(seed.metrics[metric], direction or seed.metrics[metric].direction) for seed in seeds]
    return math.fsum(readings) / len(readings)


def _worse(mean: float, direction: Direction) -> float:
    """A number that grows as the result gets worse."""
    return -mean if direction == "higher" else mean


def _tie_key(seeds: Sequence[Score], tie: Sequence[str]) -> tuple[float, ...]:
    """One number per metric of the tie rule, smaller is better; an experiment without the metric comes last."""
    key = []
    for name in tie:
        if all(name in seed.metrics for seed in seeds):
            key.append(_worse(_mean(seeds, name, None), seeds[0].metrics[name].direction))
        else:
            key.append(math.inf)
    return tuple(key)


def _groups(means: Mapping[str, float], tolerance: float, direction: Direction) -> dict[str, int]:
    """Number the groups of experiments that tie, from the best.

    The best of those left opens a group, and all within the tolerance of that one join it: a tie never chains from
    neighbour to neighbour down the whole list, and the order of the input does not matter.
    """
    groups: dict[str, int] = {}
    group, best = -1, math.nan
    for name in sorted(means, key=lambda name: (_worse(means[name], direction), name)):
        within = abs(means[name] - best) <= tolerance * max(abs(best), abs(means[name]))
        if not within:
            group, best = group + 1, means[name]
        groups[name] = group
    return groups


def _place(rank: int, seeds: Sequence[Score], metric: str, direction: Direction) -> RankedExperiment:
    values = tuple(reading(seed.metrics[metric], direction) for seed in seeds)
    best = min(zip(values, seeds, strict=True), key=lambda pair: _worse(pair[0], direction))[1]
    return RankedExperiment(
        rank=rank,
        experiment=seeds[0].experiment,
        runs=tuple(seed.run for seed in seeds),
        values=values,
        mean=math.fsum(values) / len(values),
        spread=statistics.stdev(values) if len(values) > 1 else None,
        standard_error=_standard_error([seed.metrics[metric] for seed in seeds], direction),
        best_run=best.run,
    )


def _standard_error(metrics: Sequence[Metric], direction: Direction) -> float | None:
    """Of the mean, on the scale that is ranked; |ln ratio| moves by the error of the value over the value."""
    errors = [metric.standard_error for metric in metrics]
    known = [error for error in errors if error is not None]
    scales = [abs(metric.value) if direction == "real" else 1.0 for metric in metrics]
    if len(known) < len(errors) or not all(scales):
        return None
    return math.hypot(*(error / scale for error, scale in zip(known, scales, strict=True))) / len(known)


def _lead(first: RankedExperiment, second: RankedExperiment, direction: Direction, decided_by: str) -> Lead:
    absolute = _worse(second.mean, direction) - _worse(first.mean, direction)
    return Lead(absolute, absolute / abs(second.mean) if second.mean else None, decided_by)


def _reference(example: Metric, value: float | None, direction: Direction) -> float | None:
    """Floor or ceiling on the scale that is ranked."""
    if value is None or direction != "real":
        return value
    if not example.ratio or not example.value:
        return None
    ratio = value * example.ratio / example.value
    return reading(example.model_copy(update={"ratio": ratio}), direction)
