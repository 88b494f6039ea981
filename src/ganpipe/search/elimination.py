"""The decisions of a race, as pure functions of score records: who is dropped after a rung, and when the race ends.

Successive elimination (Even-Dar, Mannor, Mansour, Action elimination and stopping conditions for the multi-armed
bandit, 2006) over rungs of epochs and seeds (Jamieson and Talwalkar, Non-stochastic best arm identification, 2016). The
confidence is split equally among the rungs (Bonferroni), so that with probability `select.confidence` no rung finds a
difference between experiments that are equally good there.

The intervals of one rung say nothing about later epochs. A difference therefore counts only if its interval exceeds
what `race.catch_up` allows the worse experiment to gain until its last epoch.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ganpipe.common import formatting
from ganpipe.compare.leaderboard import Comparison, Leaderboard
from ganpipe.compare.ranking import UNRANKED, rank
from ganpipe.compare.runs import Score
from ganpipe.config import RaceSettings, Rung, SelectSettings

PERMANENT = tuple(status for status in UNRANKED if status != "collapsed")
"""Failures that more epochs do not repair. A collapsed sample after few epochs may only be an untrained network."""

_REDUCTION = 3
_FIRST_SEEDS = 3

Kind = Literal["winner", "tie", "none", "budget"]


@dataclass(frozen=True)
class Candidate:
    """An experiment of a race. epochs: of its full training."""

    experiment: str
    dataset: str
    epochs: int


@dataclass(frozen=True)
class Dropped:
    """An experiment that left the race after a rung, and the reason."""

    experiment: str
    reason: str


@dataclass(frozen=True)
class Step:
    """One rung of one dataset: the ranking of those that took part, and what followed.

    kept: experiments still in the race, the best first.
    """

    rung: Rung
    board: Leaderboard
    dropped: tuple[Dropped, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """How the race of a dataset ended. kind: `budget` if it was spent before the end."""

    dataset: str
    kind: Kind
    experiments: tuple[str, ...]


def rungs_of(race: RaceSettings, epochs: int, seeds: int) -> tuple[Rung, ...]:
    """Return the rungs: those of the settings, or a ninth, a third and all of the epochs.

    epochs: of the longest full training. seeds: of the grid; all but the last derived rung use at most three.
    """
    if race.rungs:
        return race.rungs
    steps = sorted({max(1, math.ceil(epochs / _REDUCTION**power)) for power in range(3)})
    return tuple(Rung(epochs=step, seeds=seeds if step == epochs else min(_FIRST_SEEDS, seeds)) for step in steps)


def rung_confidence(confidence: float, rungs: int) -> float:
    """Return the confidence of one rung's ranking if all rungs together are to have `confidence`; six digits."""
    return min(round(1 - (1 - confidence) / rungs, 6), 0.999999)


def decide_step(
    scores: Iterable[Score],
    candidates: Mapping[str, Candidate],
    rungs: Sequence[Rung],
    position: int,
    failed_before: frozenset[str],
    select: SelectSettings,
    catch_up: float,
) -> dict[str, Step]:
    """Decide a rung: dataset -> its ranking, who is dropped and who is kept.

    scores: of all runs of the rung. failed_before: experiments with collapsed samples on the rung before; a second time
    they are dropped.
    """
    rung, last = rungs[position], position == len(rungs) - 1
    level = select.model_copy(update={"confidence": rung_confidence(select.confidence, len(rungs))})
    scores = list(scores)
    failed = {score.experiment for score in scores if score.status in PERMANENT}
    collapsed = {score.experiment for score in scores if score.status == "collapsed"}
    may_recover = set[str]() if last else collapsed - failed - failed_before
    steps = {}
    for board in rank(scores, level).boards:
        dropped = [
            Dropped(entry.experiment, entry.reason) for entry in board.unranked if entry.experiment not in may_recover
        ]
        ranked = [place.experiment for place in board.places]
        for experiment in ranked:
            reason = _reason_to_drop(board, candidates[experiment], rung, last, catch_up)
            if reason:
                dropped.append(Dropped(experiment, reason))
        gone = {entry.experiment for entry in dropped}
        everyone = [*ranked, *(entry.experiment for entry in board.unranked)]
        steps[board.dataset] = Step(rung, board, tuple(dropped), tuple(name for name in everyone if name not in gone))
    return steps


def collapsed_in(step: Step) -> frozenset[str]:
    """Return the experiments that stay in the race although they could not be ranked on this rung."""
    ranked = {place.experiment for place in step.board.places}
    return frozenset(name for name in step.kept if name not in ranked)


def outcome(step: Step, last: bool) -> Outcome:
    """Return how the race of a dataset ended with this step, its last one."""
    kinds: dict[bool, Kind] = {True: "tie", False: "budget"}
    kind: Kind = "none" if not step.kept else "winner" if len(step.kept) == 1 else kinds[last]
    return Outcome(step.board.dataset, kind, step.kept)


def catch_up_factor(candidate: Candidate, rung: Rung, catch_up: float) -> float:
    """Return by which factor the candidate may still improve relative to another experiment: (E / e) ** catch_up."""
    return float((candidate.epochs / min(candidate.epochs, rung.epochs)) ** catch_up)


def _reason_to_drop(board: Leaderboard, candidate: Candidate, rung: Rung, last: bool, catch_up: float) -> str:
    """Return why an experiment can no longer win, or ""."""
    factor = 1.0 if last else catch_up_factor(candidate, rung, catch_up)
    worse = [
        pair
        for pair in board.comparisons
        if pair.worse == candidate.experiment
        and pair.distinct
        and (board.scale != "ratio" or pair.interval[0] > factor)
    ]
    if not worse:
        return ""
    return _describe(max(worse, key=lambda pair: pair.interval[0]), board, factor)


def _describe(pair: Comparison, board: Leaderboard, factor: float) -> str:
    low, high = (formatting.number(bound) for bound in pair.interval)
    effect = formatting.number(pair.effect)
    if board.scale != "ratio":
        return f"{board.metric} worse than {pair.better} by {effect} ({low} to {high})"
    limit = f"; it could gain a factor of {formatting.number(factor)}" if factor > 1 else ""
    return f"{board.metric} {effect} times that of {pair.better} ({low} to {high}){limit}"
