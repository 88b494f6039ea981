"""How a document's conclusion is checked: each check looks at finished runs and says what it found."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ganpipe.common import formatting
from ganpipe.compare.history import SCALAR_LABELS, History
from ganpipe.compare.ranking import Ranking
from ganpipe.compare.runs import Run

Ranges = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Seen:
    """The runs of the grid by experiment, the histories by run, and the ranking."""

    experiments: Mapping[str, Sequence[Run]]
    histories: Mapping[str, History]
    ranking: Ranking


@dataclass(frozen=True)
class Finding:
    """What was seen, in words, and whether it is what the document says."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Check:
    """A check, and what a shorter training than the document's leaves of its answer.

    find: experiment, the others that the claim speaks of, printed ranges, what was seen -> Finding, or None without
    the numbers. needs: `full budget`: a shorter training decides nothing; `to be seen once`: it may confirm but
    not refute; `nothing`: the answer does not depend on it.
    """

    find: Callable[[str, Sequence[str], Ranges, Seen], Finding | None]
    needs: Literal["full budget", "to be seen once", "nothing"]


def _printed(experiment: str, _: Sequence[str], printed: Ranges, seen: Seen) -> Finding | None:
    """Whether our means over the last epoch, and over the seeds, lie within the printed ranges."""
    ends = [seen.histories[run.name].last_epoch() for run in seen.experiments[experiment]]
    if not all(name in end for name in printed for end in ends):
        return None
    means = {name: math.fsum(end[name] for end in ends) / len(ends) for name in printed}
    within = {name: low <= means[name] <= high for name, (low, high) in printed.items()}
    words = [
        f"{SCALAR_LABELS[name]} {formatting.number(mean)}{'' if within[name] else ' (outside)'}"
        for name, mean in means.items()
    ]
    return Finding("; ".join(words), all(within.values()))


def _best(experiment: str, against: Sequence[str], _: Ranges, seen: Seen) -> Finding | None:
    """Whether the experiment ranks before all the others; one that holds no rank comes last."""
    concerned = {experiment, *against}
    board = next(
        (board for board in seen.ranking.boards if concerned & {place.experiment for place in board.places}), None
    )
    if board is None:
        return None
    order = [place for place in board.places if place.experiment in concerned]
    told = ", ".join(f"{place.experiment} {formatting.number(place.mean)}" for place in order)
    lost = sorted(concerned - {place.experiment for place in order})
    unranked = f"; no rank: {', '.join(lost)}" if lost else ""
    return Finding(f"{board.metric}: {told}{unranked}", order[0].experiment == experiment)


def _same_curve(experiment: str, against: Sequence[str], _: Ranges, seen: Seen) -> Finding | None:
    """Whether the losses of both players are those of the others, step by step."""
    names = ("loss_d", "loss_g")
    runs = {run.score.seed: seen.histories[run.name].steps for run in seen.experiments[experiment]}
    others = [run for name in against for run in seen.experiments[name] if run.score.seed in runs]
    gaps = []
    for other in others:
        theirs, ours = seen.histories[other.name].steps, runs[other.score.seed]
        for name in names:
            if name not in ours or name not in theirs or len(ours[name]) != len(theirs[name]):
                return None
            gaps.append(float(np.nanmax(np.abs(ours[name] - theirs[name]))))
    if not gaps:
        return None
    return Finding(f"the losses differ by at most {formatting.number(max(gaps))}", max(gaps) == 0)


def _saturated(experiment: str, _: Sequence[str], __: Ranges, seen: Seen) -> Finding:
    """Whether the training of every seed was found to have a saturated discriminator."""
    runs = seen.experiments[experiment]
    count = sum(run.score.status == "saturated" for run in runs)
    return Finding(f"saturated: {count} of {formatting.count(len(runs), 'run')}", count == len(runs))


def _recognised(experiment: str, _: Sequence[str], __: Ranges, seen: Seen) -> Finding | None:
    """Whether the judge finds every class among the samples of every seed."""
    scores = [run.score for run in seen.experiments[experiment]]
    if any("class_coverage" not in score.metrics for score in scores):
        return None
    least = min(score.metrics["class_coverage"].value for score in scores)
    return Finding(f"{formatting.percent(least)} of the classes among the samples", least == 1)


CHECKS = {
    "printed": Check(_printed, "full budget"),
    "best": Check(_best, "full budget"),
    "same_curve": Check(_same_curve, "nothing"),
    "saturated": Check(_saturated, "to be seen once"),
    "recognised": Check(_recognised, "to be seen once"),
}
"""Name in docs/claims.yaml -> check."""
