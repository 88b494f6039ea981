"""The verdict of a leaderboard in sentences."""

import math
from itertools import pairwise

from ganpipe.common.formatting import number, percent, with_spread
from ganpipe.compare.ranking import Leaderboard

_SURE = 2  # standard errors of a difference beyond which it is no matter of the samples drawn


def headline(board: Leaderboard) -> str:
    """The result of one dataset in a line."""
    if board.winner is None:
        return f"No run on {board.dataset} could be ranked"
    if len(board.places) == 1:
        return f"{board.winner.experiment} on {board.dataset}"
    return f"{board.winner.experiment} makes the best images of {board.dataset}"


def verdict(board: Leaderboard) -> list[str]:
    """Why the winner won, how far ahead it is, and how much that is to be trusted: one sentence each."""
    winner = board.winner
    if winner is None:
        return ["None of the experiments has the number that decides; the reasons stand below."]
    better = {"lower": "lowest", "higher": "highest", "real": "smallest"}[board.direction or "lower"]
    unit = f"|ln ratio| of {board.metric} to the real data" if board.direction == "real" else board.metric
    value = with_spread(winner.mean, winner.spread)
    if board.lead is None:
        return [f"The only ranked experiment: its {unit} is {value}.", _seeds(board)]
    second = board.places[1]
    if board.lead.decided_by != board.metric:
        how = "their names" if board.lead.decided_by == "name" else f"`{board.lead.decided_by}`"
        tie = f"It ties with {second.experiment} ({unit} {value} against {number(second.mean)}); {how} decided."
        return [tie, _seeds(board), *_samples(board)]
    relative = "" if board.lead.relative is None else f" ({percent(board.lead.relative)})"
    first = (
        f"It has the {better} {unit}: {value}, {number(board.lead.absolute)}{relative} ahead of {second.experiment}."
    )
    return [first, _seeds(board), *_samples(board)]


def _seeds(board: Leaderboard) -> str:
    """What the seeds say about the lead."""
    first = board.places[0]
    if first.spread is None:
        return "With one seed each, nothing is known about how much another seed would change that."
    if board.lead is None:
        return f"Over {len(first.values)} seeds the standard deviation is {number(first.spread, 2)}."
    spread = max(first.spread, board.places[1].spread or 0.0)
    if spread == 0:
        return f"All {len(first.values)} seeds agree to the last digit."
    times = abs(board.lead.absolute) / spread
    weight = "well beyond" if times > 2 else "about" if times > 1 else "within"
    return (
        f"The lead is {number(times, 2)} times the larger standard deviation over {len(first.values)} seeds: "
        f"{weight} what a change of seed does."
    )


def _samples(board: Leaderboard) -> list[str]:
    """Whether other samples of the same networks could change the order; nothing where that is not known."""
    close, least = [], math.inf
    for better, worse in pairwise(board.places):
        if better.standard_error is None or worse.standard_error is None:
            return []
        error = math.hypot(better.standard_error, worse.standard_error)
        times = abs(better.mean - worse.mean) / error if error else math.inf
        least = min(least, times)
        if times <= _SURE:
            close.append(f"{better.experiment} and {worse.experiment}")
    if close:
        return [
            f"So few samples do not tell apart {'; '.join(close)}: the difference is within twice its standard error."
        ]
    apart = f"at least {number(least, 2)} standard errors" if math.isfinite(least) else "without any error"
    return [f"Other samples of the same networks would give the same order: neighbours are {apart} apart."]
