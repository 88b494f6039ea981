"""The checks of the documents' conclusions: each compares a conclusion with finished runs."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ganpipe.common import formatting
from ganpipe.compare.history import SCALAR_LABELS, History
from ganpipe.compare.leaderboard import Ranking
from ganpipe.compare.runs import Run

Ranges = Mapping[str, tuple[float, float]]
"""Scalar -> smallest and largest value."""


@dataclass(frozen=True)
class GridResults:
    """Results of the current grid: runs by experiment, histories by run, and the ranking."""

    experiments: Mapping[str, Sequence[Run]]
    histories: Mapping[str, History]
    ranking: Ranking


@dataclass(frozen=True)
class CheckResult:
    """What was observed, in words, and whether it confirms the conclusion."""

    observation: str
    confirmed: bool


@dataclass(frozen=True)
class Check:
    """A check, and what its result means after a shorter training than the document's.

    function: experiment, the experiments it is compared with, printed ranges, results -> CheckResult, or None if the
    values it needs were not recorded. if_shortened: `undecided`: nothing; `confirms`: it may confirm but not refute the
    conclusion; `decides`: the same.
    """

    function: Callable[[str, Sequence[str], Ranges, GridResults], CheckResult | None]
    if_shortened: Literal["undecided", "confirms", "decides"]


def _printed_values(experiment: str, _: Sequence[str], printed: Ranges, results: GridResults) -> CheckResult | None:
    """Check that the means over the last epoch and the seeds are within the printed ranges."""
    ends = [results.histories[run.name].last_epoch() for run in results.experiments[experiment]]
    if not all(name in end for name in printed for end in ends):
        return None
    means = {name: math.fsum(end[name] for end in ends) / len(ends) for name in printed}
    within = {name: low <= means[name] <= high for name, (low, high) in printed.items()}
    words = [
        f"{SCALAR_LABELS[name]} {formatting.number(mean)}{'' if within[name] else ' (outside)'}"
        for name, mean in means.items()
    ]
    return CheckResult("; ".join(words), all(within.values()))


def _ranks_first(experiment: str, others: Sequence[str], _: Ranges, results: GridResults) -> CheckResult | None:
    """Check that the experiment is placed before all the others; unranked experiments come last."""
    compared = {experiment, *others}
    boards = results.ranking.boards
    board = next((board for board in boards if compared & {ranked.experiment for ranked in board.places}), None)
    if board is None:
        return None
    order = [ranked for ranked in board.places if ranked.experiment in compared]
    means = ", ".join(f"{ranked.experiment} {formatting.number(ranked.mean)}" for ranked in order)
    unranked = sorted(compared - {ranked.experiment for ranked in order})
    suffix = f"; not ranked: {', '.join(unranked)}" if unranked else ""
    return CheckResult(f"{board.metric}: {means}{suffix}", order[0].experiment == experiment)


def _same_losses(experiment: str, others: Sequence[str], _: Ranges, results: GridResults) -> CheckResult | None:
    """Check that the losses of both networks equal those of the others at every step."""
    names = ("loss_d", "loss_g")
    own = {run.score.seed: results.histories[run.name].steps for run in results.experiments[experiment]}
    other_runs = [run for name in others for run in results.experiments[name] if run.score.seed in own]
    differences = []
    for run in other_runs:
        steps, own_steps = results.histories[run.name].steps, own[run.score.seed]
        for name in names:
            if name not in own_steps or name not in steps or len(own_steps[name]) != len(steps[name]):
                return None
            differences.append(float(np.nanmax(np.abs(own_steps[name] - steps[name]))))
    if not differences:
        return None
    largest = max(differences)
    return CheckResult(f"the losses differ by at most {formatting.number(largest)}", largest == 0)


def _saturated(experiment: str, _: Sequence[str], __: Ranges, results: GridResults) -> CheckResult:
    """Check that the discriminator saturated in every seed."""
    runs = results.experiments[experiment]
    count = sum(run.score.status == "saturated" for run in runs)
    return CheckResult(f"saturated: {count} of {formatting.count(len(runs), 'run')}", count == len(runs))


def _all_classes(experiment: str, _: Sequence[str], __: Ranges, results: GridResults) -> CheckResult | None:
    """Check that the judge recognises every class among the samples of every seed."""
    scores = [run.score for run in results.experiments[experiment]]
    if any("class_coverage" not in score.metrics for score in scores):
        return None
    least = min(score.metrics["class_coverage"].value for score in scores)
    return CheckResult(f"{formatting.percent(least)} of the classes among the samples", least == 1)


CHECKS = {
    "printed_values": Check(_printed_values, "undecided"),
    "ranks_first": Check(_ranks_first, "undecided"),
    "same_losses": Check(_same_losses, "decides"),
    "saturated": Check(_saturated, "confirms"),
    "all_classes": Check(_all_classes, "confirms"),
}
"""Name in docs/claims.yaml -> check."""
