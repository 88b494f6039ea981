"""The result of a leaderboard in sentences: headline, verdict and its uncertainty."""

import math
from collections.abc import Sequence
from itertools import pairwise

from ganpipe.common.formatting import number, percent
from ganpipe.compare.leaderboard import Leaderboard, RankedExperiment
from ganpipe.compare.runs import Run
from ganpipe.report.ranking_table import comparison_with_first, format_interval

_SIGNIFICANT = 2  # standard errors of a difference above which sampling noise does not explain it
_NAMED_CANDIDATES = 3  # the headline names at most this many experiments that may be the best

_COMPARISON = {"lower": ("lower", "lowest"), "higher": ("higher", "highest"), "real": ("smaller", "smallest")}
_REPLICATE = "(see Replicate in the report)"


def headline(board: Leaderboard) -> str:
    """Return the result on one dataset in one line."""
    verdict, candidates = board.verdict, board.verdict.candidates
    if verdict.kind == "none":
        return f"No run on {board.dataset} could be ranked"
    if verdict.kind == "unopposed":
        return f"{candidates[0]} on {board.dataset}"
    if verdict.kind == "one seed":
        return f"{board.places[0].experiment} leads on {board.dataset}, not established from one seed"
    if len(candidates) > _NAMED_CANDIDATES:
        count = f"{len(candidates)} of {len(board.places)}"
        return f"Best images of {board.dataset}: {count} experiments cannot be distinguished"
    return f"{verdict.label} makes the best images of {board.dataset}"


def verdict(board: Leaderboard, confidence: float) -> list[str]:
    """Return sentences: which experiment is best, by how much, and how certain that is.

    confidence: level of the intervals and of the comparisons, as in `select.confidence`.
    """
    replaced = [f"{board.metric} decides, because the selected metric could not: {board.replaced}."]
    return [*_decision(board, confidence), *(replaced if board.replaced else ()), *_second_opinion(board)]


def _second_opinion(board: Leaderboard) -> list[str]:
    """Return whether other features agree about the best experiment."""
    opinion = board.second_opinion
    if opinion is None:
        return []
    agreement = f"Kendall's tau {number(opinion.tau, 2)} over {len(board.places)} experiments"
    if opinion.first not in board.verdict.candidates:
        stance = f"disagrees: it prefers {opinion.first}"
    else:
        stance = "agrees about the best" if len(board.verdict.candidates) == 1 else f"prefers {opinion.first}"
    doubts = []
    if opinion.unconfirmed:
        pairs = _enumerate([f"{better} over {worse}" for better, worse in opinion.unconfirmed])
        doubts = [f"{board.metric} prefers {pairs}, {opinion.metric} does not: these images may not be better."]
    return [f"A second opinion, {opinion.metric}, {stance} ({agreement}).", *doubts]


def _decision(board: Leaderboard, confidence: float) -> list[str]:
    if board.verdict.kind == "none":
        return ["No experiment has a value of the ranked metric; the reasons are listed below."]
    if board.verdict.kind == "established":
        return _established(board, confidence)
    if board.verdict.kind == "tie":
        return _tie(board, confidence)
    if board.verdict.kind == "unopposed":
        mean = _mean(board.places[0], confidence)
        return [f"The only ranked experiment: its {_quantity(board)} is {mean}."]
    return [_lead(board), _too_few_seeds(board), *_sampling(board)]


def remarks(board: Leaderboard, runs: Sequence[Run]) -> list[str]:
    """Return what a reader must know to compare the experiments: what some of them received, and what is unknown."""
    return [*_conditional(board, runs), *_selected(runs), *_made_elsewhere(runs)]


def _conditional(board: Leaderboard, runs: Sequence[Run]) -> list[str]:
    """Name the conditional experiments and the best of the others; empty if all ranked experiments are of one kind."""
    conditional = {run.experiment for run in runs if run.conditional}
    ranked = [place.experiment for place in board.places]
    named, others = ([name for name in ranked if (name in conditional) is chosen] for chosen in (True, False))
    if not named or not others:
        return []
    return [f"Conditioned on class labels: {_enumerate(named)}. The best mean of the others is that of {others[0]}."]


def _selected(runs: Sequence[Run]) -> list[str]:
    """Name the runs whose generator was selected among those kept during the training, each with its epoch."""
    epochs: dict[str, list[str]] = {}
    for run in runs:
        if selection := run.score.selection:
            how = f"{selection.metric} on {selection.images:,} training images set aside"
            epochs.setdefault(how, []).append(f"{run.name} after epoch {selection.epoch} of {selection.epochs[-1]}")
    return [f"Generators selected by {how}: {_enumerate(names)}." for how, names in epochs.items()]


def _made_elsewhere(runs: Sequence[Run]) -> list[str]:
    """Return what is not known about the runs whose images were made elsewhere; empty if there is none."""
    names = list(dict.fromkeys(run.experiment for run in runs if run.made_elsewhere))
    if not names:
        return []
    return [
        f"Made elsewhere: {_enumerate(names)}. Their training, sampling and cost are not known, nor whether the images "
        "were selected; each set of images counts as one training."
    ]


def _established(board: Leaderboard, confidence: float) -> list[str]:
    first, second = board.places[:2]
    _, best = _COMPARISON[board.direction or "lower"]
    sentences = [f"Its {_quantity(board)} is the {best}: {_mean(first, confidence)}."]
    comparison = comparison_with_first(board, second)
    if comparison:
        interval = f"{format_interval(comparison.interval)}, adjusted for {len(board.comparisons)} comparisons"
        effect = number(comparison.effect)
        difference = f"{effect} times as large" if board.scale == "ratio" else f"worse by {effect}"
        sentences.append(f"The next, {second.experiment}, is {difference} ({interval}).")
    return sentences


def _tie(board: Leaderboard, confidence: float) -> list[str]:
    candidates = board.verdict.candidates
    if len(candidates) > _NAMED_CANDIDATES:
        distinguished = f"these {len(candidates)} experiments"
        means = ""
    else:
        distinguished = _enumerate(candidates)
        tied = (place for place in board.places if place.experiment in candidates)
        means = f" Their {_quantity(board)}: {', '.join(f'{place.experiment} {number(place.mean)}' for place in tied)}."
    single = [place.experiment for place in board.places if place.experiment in candidates and not place.interval]
    untested = [f"Not tested, with a single training seed: {', '.join(single)}."] if single else []
    return [
        f"With {percent(confidence)} confidence, the training seeds do not distinguish {distinguished}.{means}",
        *untested,
        f"More seeds may decide {_REPLICATE}.",
    ]


def _lead(board: Leaderboard) -> str:
    """Return how far the first place is ahead, as far as the means tell."""
    first, second = board.places[:2]
    assert board.lead is not None
    quantity, value, other = _quantity(board), number(first.mean), number(second.mean)
    if board.lead.decided_by != board.metric:
        rule = "the experiment's name" if board.lead.decided_by == "name" else board.lead.decided_by
        return f"Its {quantity}, {value}, ties with that of {second.experiment}, {other}; {rule} broke the tie."
    better, best = _COMPARISON[board.direction or "lower"]
    relative = "" if board.lead.relative is None else f" ({percent(board.lead.relative)} {better})"
    return f"Its {quantity} is the {best}: {value}, compared with {other} for {second.experiment}{relative}."


def _too_few_seeds(board: Leaderboard) -> str:
    if all(len(place.values) == 1 for place in board.places):
        return f"One training seed per experiment: the ranking may change with the seed {_REPLICATE}."
    return (
        "Fewer than two experiments have several training seeds, so no difference could be tested: the ranking may "
        f"change with the seed {_REPLICATE}."
    )


def _sampling(board: Leaderboard) -> list[str]:
    """Return whether sampling noise could change the order; empty if a standard error is unknown."""
    close, smallest = [], math.inf
    for better, worse in pairwise(board.places):
        if better.standard_error is None or worse.standard_error is None:
            return []
        error = math.hypot(better.standard_error, worse.standard_error)
        ratio = abs(better.mean - worse.mean) / error if error else math.inf
        smallest = min(smallest, ratio)
        if ratio <= _SIGNIFICANT:
            close.append(f"{better.experiment} and {worse.experiment}")
    if close:
        return [f"With this number of samples, the difference is within two standard errors for: {'; '.join(close)}."]
    if math.isinf(smallest):
        return ["Sampling noise does not change the order: the standard errors are zero."]
    return [
        "Sampling noise does not change the order: adjacent ranks differ by at least "
        f"{number(smallest, 2)} standard errors."
    ]


def _quantity(board: Leaderboard) -> str:
    return f"|ln ratio| of {board.metric} to real images" if board.direction == "real" else board.metric


def _mean(place: RankedExperiment, confidence: float) -> str:
    if place.interval is None:
        return f"{number(place.mean)} (one training seed)"
    interval = f"{percent(confidence)} confidence interval {format_interval(place.interval)}"
    return f"{number(place.mean)} ({interval}, {len(place.values)} training seeds)"


def _enumerate(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
