"""The rows of the ranking table, shared by the HTML page, the Markdown page and the terminal."""

from dataclasses import dataclass

from ganpipe.common.formatting import MISSING, number, ranks
from ganpipe.compare.leaderboard import Comparison, Leaderboard, RankedExperiment
from ganpipe.compare.significance import Interval


@dataclass(frozen=True)
class RankingRow:
    """One ranked experiment as text.

    rank: `1`, or `1=` if shared. interval: of the mean. comparison: with the first row, see `comparison_label`.
    distinct: False if a test could not distinguish the experiment from the first.
    """

    rank: str
    experiment: str
    mean: str
    interval: str
    seeds: str
    comparison: str
    distinct: bool


def ranking_rows(board: Leaderboard) -> tuple[RankingRow, ...]:
    """Return one row per ranked experiment, in the order of the means."""
    return tuple(_row(board, place) for place in board.places)


def comparison_label(board: Leaderboard) -> str:
    """Return the heading of the comparisons with the first row: a ratio of means if tested, else a difference."""
    return "÷ first" if board.comparisons and board.scale == "ratio" else "Difference to the first"


def comparison_with_first(board: Leaderboard, place: RankedExperiment) -> Comparison | None:
    """Return the tested comparison of the first place with another; None if one of them has a single seed."""
    pair = {board.places[0].experiment, place.experiment}
    return next((tested for tested in board.comparisons if {tested.better, tested.worse} == pair), None)


def format_interval(interval: Interval) -> str:
    """Format a confidence interval as `1.2 to 3.4`."""
    return f"{number(interval[0])} to {number(interval[1])}"


def _row(board: Leaderboard, place: RankedExperiment) -> RankingRow:
    first = board.places[0]
    tested = None if place is first else comparison_with_first(board, place)
    if place is first:
        comparison = MISSING
    elif tested:
        comparison = f"{number(tested.effect)} ({format_interval(tested.interval)})"
    else:
        comparison = MISSING if board.comparisons else number(abs(place.mean - first.mean))
    return RankingRow(
        rank=ranks(place.rank, place.last_rank),
        experiment=place.experiment,
        mean=number(place.mean),
        interval=format_interval(place.interval) if place.interval else MISSING,
        seeds=str(len(place.values)),
        comparison=comparison,
        distinct=tested is None or tested.distinct,
    )
