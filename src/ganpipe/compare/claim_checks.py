"""The checks of the documents' conclusions: each compares a conclusion with finished runs.

No check decides more than its conclusion states. Comparisons of experiments are decided by the training seeds (see
`significance`); with one seed they are only observed.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ganpipe.common import formatting
from ganpipe.compare.history import SCALAR_LABELS, Column, read_history, read_steps
from ganpipe.compare.ranking import exclusion_reason, rank
from ganpipe.compare.runs import Run
from ganpipe.config import SelectSettings

CONFIDENCE = 0.95
"""With which printed values and ours are called different, all scalars of a log together (Bonferroni)."""
SETTLED = 0.1
"""Relative change of a loss from one fifth of the epochs to the next, below which it counts as settled."""
SAME_STEPS, SAME_LOSSES = 50, 0.01
"""Two losses are the same function if their values differ by at most 1 % in the first steps: rounding grows later."""
SATURATED = 0.02
"""Distance of D's mean scores from their targets 1 and 0 below which it is saturated, as in `training.health`."""


@dataclass(frozen=True)
class GridResults:
    """Finished runs by experiment, and how a report of them would rank."""

    experiments: Mapping[str, Sequence[Run]]
    select: SelectSettings


@dataclass(frozen=True)
class Question:
    """What a check needs to know of a claim: the experiment, those it is compared with, and the claim's options."""

    experiment: str
    others: Sequence[str]
    options: Mapping[str, Any]
    results: GridResults

    @property
    def runs(self) -> Sequence[Run]:
        """The finished runs of the experiment, one per seed."""
        return self.results.experiments[self.experiment]


@dataclass(frozen=True)
class CheckResult:
    """What was observed, in words, and whether it confirms the conclusion (None: it does neither).

    from_one_seed: the difference of two experiments was observed, but another seed may change it.
    """

    observation: str
    confirmed: bool | None
    from_one_seed: bool = False


@dataclass(frozen=True)
class Check:
    """A check, and what its result means after a shorter training than the document's.

    function: returns None if the values that it needs were not recorded. if_shortened: `undecided`: nothing;
    `confirms`: it may confirm but not refute the conclusion; `decides`: the same.
    """

    function: Callable[[Question], CheckResult | None]
    if_shortened: Literal["undecided", "confirms", "decides"]


def _printed_values(question: Question) -> CheckResult | None:
    """Compare printed values with ours at the same iterations, each scalar by a two-sided Mann-Whitney U test.

    A rank test, because single batches have outliers that dominate means (Mann and Whitney, On a test of whether one of
    two random variables is stochastically larger than the other, 1947).
    """
    from scipy.stats import mannwhitneyu

    printed: Mapping[str, Sequence[float | None]] = question.options["printed"]
    own = {name: [value for run in question.runs for value in values_at_printed(run, name, question.options)]
           for name in printed}  # fmt: skip
    if not all(own.values()):
        return None
    words, different = [], []
    for name, values in printed.items():
        known = [value for value in values if value is not None]
        p_value = float(mannwhitneyu(known, own[name], alternative="two-sided").pvalue)
        different.append(p_value < (1 - CONFIDENCE) / len(printed))
        medians = f"{_median(known)} printed, {_median(own[name])} here"
        words.append(f"{SCALAR_LABELS[name]}: {medians}{' (differs)' if different[-1] else ''}")
    return CheckResult(f"medians: {'; '.join(words)}", not any(different))


def values_at_printed(run: Run, scalar: str, options: Mapping[str, Any]) -> list[float]:
    """Return a run's values at the printed iterations of the last epoch, or at the ends of the last epochs.

    options: `printed`, with `first` and `every` (iterations, from 0) or with `epoch_ends`.
    """
    steps = read_steps(run)
    if scalar not in steps or not len(steps["epoch"]):
        return []
    count = max(len(values) for values in options["printed"].values())
    if options.get("epoch_ends"):
        rows = [int(np.flatnonzero(steps["epoch"] == epoch)[-1]) for epoch in np.unique(steps["epoch"])[-count:]]
    else:
        last = np.flatnonzero(steps["epoch"] == steps["epoch"][-1])
        rows = [int(row) for row in last[options["first"] :: options["every"]][:count]]
    return [float(value) for value in steps[scalar][rows] if math.isfinite(value)]


def _median(values: Sequence[float]) -> str:
    return formatting.number(float(np.median(values)))


def _last_epoch_within(question: Question) -> CheckResult | None:
    """Check that the means over the last epoch and the seeds are within the values that round to the printed ones."""
    ranges: Mapping[str, tuple[float, float]] = question.options["ranges"]
    ends = [read_history(run).last_epoch() for run in question.runs]
    if not all(name in end for name in ranges for end in ends):
        return None
    means = {name: math.fsum(end[name] for end in ends) / len(ends) for name in ranges}
    within = {name: low <= means[name] <= high for name, (low, high) in ranges.items()}
    words = [f"{SCALAR_LABELS[name]} {formatting.number(mean, 4)}{'' if within[name] else ' (outside)'}"
             for name, mean in means.items()]  # fmt: skip
    return CheckResult("; ".join(words), all(within.values()))


def _better_than(question: Question) -> CheckResult | None:
    """Check that the experiment is distinctly better than each of the others; a failed experiment is worse.

    Only the experiments of the claim are compared, so that the correction for several comparisons covers one claim.
    """
    experiment, involved = question.experiment, (question.experiment, *question.others)
    metric = question.options.get("metric") or question.results.select.metric
    runs = {name: [run.score for run in question.results.experiments[name]] for name in involved}
    failed = {name for name, scores in runs.items() if exclusion_reason(scores, metric)}
    if any(all(metric not in score.metrics and score.status in ("ok", "saturated") for score in runs[name])
           for name in failed):  # fmt: skip
        return None
    valid = [name for name in involved if name not in failed]
    suffix = f"; not ranked: {', '.join(sorted(failed))}" if failed else ""
    one_seed = any(len(scores) < 2 for scores in runs.values())
    if not valid:
        return CheckResult(f"none is ranked{suffix}", None)
    if len({score.metrics[metric].protocol for name in valid for score in runs[name]}) > 1:
        return CheckResult(f"{metric} was computed under different protocols: evaluate the runs again", None)
    select = question.results.select.model_copy(update={"metric": metric, "tie": (), "direction": None})
    (board,) = rank([score for name in valid for score in runs[name]], select).boards
    means = {place.experiment: place.mean for place in board.places}
    words = f"{metric}: {', '.join(f'{name} {formatting.number(means[name])}' for name in means)}{suffix}"
    if experiment in failed:
        return CheckResult(words, False, from_one_seed=one_seed)
    rivals = [name for name in question.others if name not in failed]
    if one_seed:
        costs = {name: -mean if board.direction == "higher" else mean for name, mean in means.items()}
        worse = any(costs[name] < costs[experiment] for name in rivals)
        tied = any(costs[name] == costs[experiment] for name in rivals)
        return CheckResult(words, False if worse else None if tied else True, from_one_seed=True)
    distinct = {(pair.better, pair.worse) for pair in board.comparisons if pair.distinct}
    if any((name, experiment) in distinct for name in rivals):
        return CheckResult(words, False)
    if all((experiment, name) in distinct for name in rivals):
        return CheckResult(words, True)
    return CheckResult(f"{words}; the seeds do not distinguish them", None)


def _same_losses(question: Question) -> CheckResult | None:
    """Check that both losses equal those of the other experiment in the first steps, up to rounding."""
    others = {run.score.seed: run for name in question.others for run in question.results.experiments[name]}
    differences = []
    for run in question.runs:
        if run.score.seed not in others:
            continue
        own, other = read_steps(run), read_steps(others[run.score.seed])
        for name in ("loss_d", "loss_g"):
            if name not in own or name not in other:
                return None
            first, second = own[name][:SAME_STEPS], other[name][:SAME_STEPS]
            if len(first) != len(second) or not np.isfinite([*first, *second]).all():
                return None
            differences += (np.abs(first - second) / np.maximum(np.abs(second), 1e-6)).tolist()
    if not differences:
        return None
    largest = max(differences)
    words = f"in the first {SAME_STEPS} steps the losses differ by at most {formatting.percent(largest)}"
    return CheckResult(words, largest <= SAME_LOSSES)


def _saturated(question: Question) -> CheckResult | None:
    """Check that D scored real images near 1 and generated ones near 0 over the last epoch, in every seed."""
    ends = [read_history(run).last_epoch() for run in question.runs]
    if not all({"d_real", "d_fake_1"} <= end.keys() for end in ends):
        return None
    worst = max(max(abs(end["d_real"] - 1), abs(end["d_fake_1"])) for end in ends)
    words = f"D's mean scores are at most {formatting.number(worst)} away from 1 for real and 0 for generated images"
    return CheckResult(words, worst < SATURATED)


def _recognisable(question: Question) -> CheckResult | None:
    """Check that every class appears, and that the distance to real images is a small share of that of noise."""
    limit, words, fits = question.options["share_of_noise"], list[str](), list[bool]()
    for run in question.runs:
        metrics = run.score.metrics
        distance, coverage = metrics.get("fd_judge"), metrics.get("class_coverage")
        if run.score.status in ("diverged", "collapsed"):
            words.append(run.score.status)
            fits.append(False)
        elif distance is None or coverage is None or not distance.ceiling:
            return None
        else:
            share = distance.value / distance.ceiling
            fits.append(coverage.value == 1 and share <= limit)
            words.append(
                f"{formatting.percent(coverage.value)} of the classes; fd_judge {formatting.number(distance.value)}, "
                f"{formatting.number(100 * share)} % of that of noise (limit {formatting.percent(limit)})"
            )
    return CheckResult("; ".join(words), all(fits))


def _labels_recognised(question: Question) -> CheckResult | None:
    """Check that the judge recognises the requested class in a share of the samples of every seed."""
    metrics = [run.score.metrics.get("label_accuracy") for run in question.runs]
    values = [metric.value for metric in metrics if metric is not None]
    if len(values) < len(metrics):
        return None
    least, limit = min(values), question.options["at_least"]
    words = f"the judge recognises the requested class in {formatting.percent(least)} of the samples"
    return CheckResult(f"{words} (limit {formatting.percent(limit)})", least >= limit)


def _settled(question: Question) -> CheckResult | None:
    """Check that no training failed, and that the losses no longer change from one fifth of the epochs to the next."""
    words, fits = list[str](), list[bool]()
    for run in question.runs:
        if run.score.status != "ok":
            words.append(run.score.status)
            fits.append(False)
            continue
        epochs = read_history(run).epochs
        count = len(epochs.get("loss_d", ())) // 5
        if not count:
            return CheckResult("fewer than five epochs", None)
        changes = {name: _change(epochs[name], count) for name in ("loss_d", "loss_g")}
        fits.append(all(abs(change) <= SETTLED for change in changes.values()))
        shown = "; ".join(f"{SCALAR_LABELS[name]} {change:+.1%}" for name, change in changes.items())
        words.append(f"change from the fourth to the last fifth of the epochs: {shown}")
    return CheckResult("; ".join(words), all(fits))


def _change(values: Column, count: int) -> float:
    before, after = values[-2 * count : -count].mean(), values[-count:].mean()
    return float(after / before - 1)


def _rises(question: Question) -> CheckResult | None:
    """Check that each scalar is higher in the last quarter of the epochs than in the first."""
    words, fits = [], []
    for name in question.options["scalars"]:
        columns: list[NDArray[np.float64]] = [read_history(run).epochs.get(name, np.empty(0)) for run in question.runs]
        if not all(len(column) >= 4 for column in columns):
            return None
        first = float(np.mean([column[: len(column) // 4].mean() for column in columns]))
        last = float(np.mean([column[-(len(column) // 4) :].mean() for column in columns]))
        fits.append(last > first)
        words.append(f"{SCALAR_LABELS[name]} {formatting.number(first)} to {formatting.number(last)}")
    return CheckResult(f"first to last quarter of the epochs: {'; '.join(words)}", all(fits))


CHECKS = {
    "printed_values": Check(_printed_values, "undecided"),
    "last_epoch_within": Check(_last_epoch_within, "undecided"),
    "better_than": Check(_better_than, "undecided"),
    "same_losses": Check(_same_losses, "decides"),
    "saturated": Check(_saturated, "confirms"),
    "recognisable": Check(_recognisable, "confirms"),
    "labels_recognised": Check(_labels_recognised, "confirms"),
    "settled": Check(_settled, "undecided"),
    "rises": Check(_rises, "undecided"),
}
"""Name in docs/claims.yaml -> check."""
