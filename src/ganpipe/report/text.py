"""The result of a leaderboard in sentences: headline, verdict and its uncertainty."""

import math
from itertools import pairwise

from ganpipe.common.formatting import number, percent, with_spread
from ganpipe.compare.leaderboard import Leaderboard

_SIGNIFICANT = 2  # standard errors of a difference above which sampling noise does not explain it

_COMPARISON = {"lower": ("lower", "lowest"), "higher": ("higher", "highest"), "real": ("smaller", "smallest")}


def headline(board: Leaderboard) -> str:
    """Return the result on one dataset in one line."""
    if board.winner is None:
        return f"No run on {board.dataset} could be ranked"
    if len(board.places) == 1:
        return f"{board.winner.experiment} on {board.dataset}"
    return f"{board.winner.experiment} makes the best images of {board.dataset}"


def verdict(board: Leaderboard) -> list[str]:
    """Return sentences: what the winner is best at, its lead, and the uncertainty from seeds and from sampling."""
    winner = board.winner
    if winner is None:
        return ["No experiment has a value of the ranked metric; the reasons are listed below."]
    better, best = _COMPARISON[board.direction or "lower"]
    quantity = f"|ln ratio| of {board.metric} to real images" if board.direction == "real" else board.metric
    value = with_spread(winner.mean, winner.spread)
    if board.lead is None:
        return [f"The only ranked experiment: its {quantity} is {value}.", _seeds(board)]
    second = board.places[1]
    if board.lead.decided_by != board.metric:
        rule = "the experiment's name" if board.lead.decided_by == "name" else board.lead.decided_by
        tie = f"It ties with {second.experiment} ({quantity} {value} and {number(second.mean)}); {rule} broke the tie."
        return [tie, _seeds(board), *_sampling(board)]
    relative = "" if board.lead.relative is None else f" ({percent(board.lead.relative)} {better})"
    first = (
        f"Its {quantity} is the {best}: {value}, compared with {with_spread(second.mean, second.spread)} for "
        f"{second.experiment}{relative}."
    )
    return [first, _seeds(board), *_sampling(board)]


def _seeds(board: Leaderboard) -> str:
    """Return how the lead compares with the variation between training seeds."""
    first = board.places[0]
    if first.spread is None:
        return "One training seed per experiment: the ranking may change with the seed (see Replicate in the report)."
    if board.lead is None:
        return f"The standard deviation over {len(first.values)} seeds is {number(first.spread, 2)}."
    spread = max(first.spread, board.places[1].spread or 0.0)
    if spread == 0:
        return f"All {len(first.values)} seeds have the same value."
    ratio = abs(board.lead.absolute) / spread
    relation = "well above" if ratio > 2 else "about" if ratio > 1 else "within"
    return (
        f"The lead is {number(ratio, 2)} times the larger standard deviation over {len(first.values)} seeds: "
        f"{relation} the variation between seeds."
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
