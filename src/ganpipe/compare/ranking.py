"""The ranking as a pure function of score records: it depends on no files, no clock and no earlier runs."""

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ganpipe.common.errors import UserError
from ganpipe.common.types import Direction
from ganpipe.compare.costs import as_cost, ranked_value
from ganpipe.compare.leaderboard import Lead, Leaderboard, RankedExperiment, Ranking, UnrankedExperiment, Verdict
from ganpipe.compare.runs import Metric, Score, Status
from ganpipe.compare.second_opinion import second_opinion
from ganpipe.compare.verdict import Decision, decide
from ganpipe.config import SelectSettings

UNRANKED: tuple[Status, ...] = ("diverged", "collapsed", "copied")
"""Statuses of runs without a rank; a saturated discriminator may still leave a good generator."""


def rank(scores: Iterable[Score], select: SelectSettings) -> Ranking:
    """Rank the experiments of each dataset by the mean of the chosen metric over their seeds.

    Experiments are listed by their means, within `select.tolerance` of a better mean by the metrics of the tie rule,
    then by name. Those that the seeds cannot distinguish may have the same rank (see `verdict.decide`).
    An experiment is ranked only if all its seeds ended well and have the metric: a mean over the surviving seeds would
    flatter an unstable experiment. The others are listed with the reason.

    Where no run that ended well has the chosen metric, the first of `select.fallback` that they have decides.

    Raises UserError if a chosen metric or one of the tie rule is part of no record, not even with a reason for its
    absence, and if values of different protocols would have to be compared.
    """
    ordered = sorted(scores, key=lambda score: (score.experiment, score.seed))
    _check_metrics(ordered, select)
    boards = []
    for dataset in sorted({score.dataset for score in ordered}):
        own = [score for score in ordered if score.dataset == dataset]
        board = _leaderboard(dataset, own, deciding(own, select))
        absence = _absence(own, select.metric) if board.metric != select.metric else ""
        opinion = second_opinion(board, own, select.fallback)
        boards.append(replace(board, replaced=absence, second_opinion=opinion))
    return Ranking(tuple(boards))


def deciding(scores: Sequence[Score], select: SelectSettings) -> SelectSettings:
    """Return the settings with the metric that ranks these scores.

    It is the first of `select.metric` and `select.fallback` that any run that ended well has, else `select.metric`.
    """
    known = {name for score in scores if score.status not in UNRANKED for name in score.metrics}
    found = next((name for name in (select.metric, *select.fallback) if name in known), select.metric)
    return select if found == select.metric else select.model_copy(update={"metric": found, "direction": None})


def _absence(scores: Sequence[Score], metric: str) -> str:
    """Return why no run has the metric."""
    return "; ".join(dict.fromkeys(score.absent.get(metric, "not computed") for score in scores if score.metrics))


def _check_metrics(scores: Sequence[Score], select: SelectSettings) -> None:
    finished = [score for score in scores if score.status not in UNRANKED]
    known = sorted({name for score in finished for name in score.metrics})
    selected = [("select.metric", select.metric), *(("select.tie", name) for name in select.tie)]
    points = []
    for key, name in selected:
        if finished and name not in known and not any(name in score.absent for score in finished):
            points.append(f"{key}: no run has {name}")
    if points:
        fix = f"choose from: {', '.join(known) or 'no metric was computed; see evaluate.metrics'}"
        raise UserError.listing("params.yaml: a selected metric was not computed.", [*points, fix])


def _leaderboard(dataset: str, scores: Sequence[Score], select: SelectSettings) -> Leaderboard:
    experiments = {score.experiment: [s for s in scores if s.experiment == score.experiment] for score in scores}
    reasons = {name: exclusion_reason(seeds, select.metric) for name, seeds in experiments.items()}
    eligible = {name: seeds for name, seeds in experiments.items() if reasons[name] is None}
    unranked = tuple(
        UnrankedExperiment(name, tuple(seed.run for seed in experiments[name]), reason)
        for name, reason in reasons.items()
        if reason is not None
    )
    if not eligible:
        verdict = Verdict("none", (), "not established: no experiment could be ranked")
        return Leaderboard(dataset, select.metric, select.direction, None, None, None, (), unranked, None, verdict)

    for name in (select.metric, *select.tie):
        _check_protocol(name, [score for seeds in eligible.values() for score in seeds if name in score.metrics])
    example = next(iter(eligible.values()))[0].metrics[select.metric]
    direction = select.direction or example.direction
    means = {name: _mean(seeds, select.metric, direction) for name, seeds in eligible.items()}
    groups = _tie_groups(means, select.tolerance, direction)
    tie_costs = {name: _tie_costs(seeds, select.tie) for name, seeds in eligible.items()}
    by_mean = sorted(eligible, key=lambda name: (groups[name], tie_costs[name], name))
    values = {name: _ranked_values(eligible[name], select.metric, direction) for name in by_mean}
    decision = decide(values, direction, select)
    places = tuple(_ranked(eligible[name], values[name], select.metric, direction, decision) for name in by_mean)
    lead = None
    if len(places) > 1:
        first, second = by_mean[:2]
        differing = (name for name, a, b in zip(select.tie, tie_costs[first], tie_costs[second], strict=True) if a != b)
        decided_by = next(differing, "name") if groups[first] == groups[second] else select.metric
        lead = _lead(places[0], places[1], direction, decided_by)
    return Leaderboard(
        dataset=dataset,
        metric=select.metric,
        direction=direction,
        protocol=example.protocol,
        floor=_bound(example, example.floor, direction),
        ceiling=_bound(example, example.ceiling, direction),
        places=places,
        unranked=unranked,
        lead=lead,
        verdict=decision.verdict,
        scale=decision.scale,
        comparisons=decision.comparisons,
    )


def exclusion_reason(seeds: Sequence[Score], metric: str) -> str | None:
    """Return why an experiment cannot be ranked by the metric; None if it can."""
    share = f" ({{}} of {len(seeds)} seeds)" if len(seeds) > 1 else ""
    failed = [seed for seed in seeds if seed.status in UNRANKED]
    if failed:
        reasons = dict.fromkeys(f"{seed.status}: {seed.reason}" for seed in failed)
        return "; ".join(reasons) + share.format(len(failed))
    without = [seed for seed in seeds if metric not in seed.metrics]
    if without:
        reasons = dict.fromkeys(seed.absent.get(metric, "not computed") for seed in without)
        return f"no {metric}: {'; '.join(reasons)}" + share.format(len(without))
    return None


def _check_protocol(metric: str, scores: Sequence[Score]) -> None:
    """Raise UserError that names the differing fields if values of one metric have different protocols."""
    runs: dict[str, str] = {}
    protocols: dict[str, dict[str, object]] = {}
    for score in scores:
        key = score.metrics[metric].protocol
        runs.setdefault(key, score.run)
        protocols.setdefault(key, score.protocols.get(key, {"protocol": key}))
    if len(protocols) < 2:
        return
    points = [
        f"{name}: " + ", ".join(f"{protocol.get(name)} ({runs[key]})" for key, protocol in protocols.items())
        for name in sorted({name for protocol in protocols.values() for name in protocol})
        if len({repr(protocol.get(name)) for protocol in protocols.values()}) > 1
    ]
    raise UserError.listing(
        f"{metric}: computed under different protocols, so the values cannot be ranked. Give the experiments the same "
        "sample and evaluate settings and run `dvc repro`. Differences:",
        points,
    )


def _ranked_values(seeds: Sequence[Score], metric: str, direction: Direction | None) -> tuple[float, ...]:
    return tuple(ranked_value(seed.metrics[metric], direction or seed.metrics[metric].direction) for seed in seeds)


def _mean(seeds: Sequence[Score], metric: str, direction: Direction | None) -> float:
    return math.fsum(_ranked_values(seeds, metric, direction)) / len(seeds)


def _tie_costs(seeds: Sequence[Score], metrics: Sequence[str]) -> tuple[float, ...]:
    """One cost per metric of the tie rule; infinite for an experiment without the metric."""
    costs = []
    for name in metrics:
        if all(name in seed.metrics for seed in seeds):
            costs.append(as_cost(_mean(seeds, name, None), seeds[0].metrics[name].direction))
        else:
            costs.append(math.inf)
    return tuple(costs)


def _tie_groups(means: Mapping[str, float], tolerance: float, direction: Direction) -> dict[str, int]:
    """Number the groups of experiments that tie, from the best.

    The best remaining experiment opens a group, and all within the tolerance of its mean join: ties do not chain from
    neighbour to neighbour, and the order of the input does not matter.
    """
    groups: dict[str, int] = {}
    group, best = -1, math.nan
    for name in sorted(means, key=lambda name: (as_cost(means[name], direction), name)):
        within = abs(means[name] - best) <= tolerance * abs(best)
        if not within:
            group, best = group + 1, means[name]
        groups[name] = group
    return groups


def _ranked(
    seeds: Sequence[Score], values: tuple[float, ...], metric: str, direction: Direction, decision: Decision
) -> RankedExperiment:
    best = min(zip(values, seeds, strict=True), key=lambda pair: as_cost(pair[0], direction))[1]
    name = seeds[0].experiment
    rank, last_rank = decision.ranks[name]
    return RankedExperiment(
        rank=rank,
        last_rank=last_rank,
        experiment=name,
        runs=tuple(seed.run for seed in seeds),
        values=values,
        mean=math.fsum(values) / len(values),
        spread=statistics.stdev(values) if len(values) > 1 else None,
        interval=decision.intervals[name],
        standard_error=_standard_error([seed.metrics[metric] for seed in seeds], direction),
        best_run=best.run,
    )


def _standard_error(metrics: Sequence[Metric], direction: Direction) -> float | None:
    """Standard error of the mean of the ranked values; that of |ln ratio| is the error of the value over the value."""
    errors = [metric.standard_error for metric in metrics]
    known = [error for error in errors if error is not None]
    scales = [abs(metric.value) if direction == "real" else 1.0 for metric in metrics]
    if len(known) < len(errors) or not all(scales):
        return None
    return math.hypot(*(error / scale for error, scale in zip(known, scales, strict=True))) / len(known)


def _lead(first: RankedExperiment, second: RankedExperiment, direction: Direction, decided_by: str) -> Lead:
    absolute = as_cost(second.mean, direction) - as_cost(first.mean, direction)
    return Lead(absolute, absolute / abs(second.mean) if second.mean else None, decided_by)


def _bound(example: Metric, value: float | None, direction: Direction) -> float | None:
    """Floor or ceiling on the scale that is ranked."""
    if value is None or direction != "real":
        return value
    if not example.ratio or not example.value:
        return None
    ratio = value * example.ratio / example.value
    return ranked_value(example.model_copy(update={"ratio": ratio}), direction)
