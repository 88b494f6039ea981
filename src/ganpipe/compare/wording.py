"""Numbers and verdicts in words that a person reads."""

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

from ganpipe.compare.ranking import Board

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_PLAIN = 10_000  # whole numbers below this are written out
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
NONE = "–"
_SURE = 2  # standard errors of a difference beyond which it is no matter of the samples drawn

SCALARS = {
    "loss_d": "loss of D",
    "loss_g": "loss of G",
    "d_real": "D(x)",
    "d_fake_1": "D(G(z)) in D's step",
    "d_fake_2": "D(G(z)) in G's step",
    "acc_real": "accuracy of D on real",
    "acc_fake": "accuracy of D on generated",
}
"""What the field calls the scalars of an adversarial training."""


def number(value: float | None, digits: int = 3) -> str:
    """A number with `digits` significant digits; large whole numbers with k, M or G; powers of ten written out."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0 or isinstance(value, int) or (abs(value) >= _PLAIN and value.is_integer()):
        return _whole(int(value), digits)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -4 <= power < 5:
        return f"{value:.{max(digits - 1 - power, 0)}f}"
    return f"{mantissa} × 10{str(power).translate(_SUPERSCRIPT)}"


def _whole(value: int, digits: int) -> str:
    if abs(value) < _PLAIN:
        return str(value)
    size, prefix = next((size, prefix) for size, prefix in _PREFIXES if abs(value) >= size)
    scaled = value / size
    return f"{scaled:.{max(digits - 1 - math.floor(math.log10(abs(scaled))), 0)}f} {prefix}"


def over_seeds(values: Sequence[float]) -> str:
    """Mean over the seeds, and their spread where they differ."""
    if not values:
        return NONE
    if len(set(values)) == 1:
        return number(values[0])
    return with_spread(math.fsum(values) / len(values), statistics.stdev(values))


def with_spread(mean: float, spread: float | None) -> str:
    """`mean ± spread`, or the mean alone."""
    return number(mean) if spread is None else f"{number(mean)} ± {number(spread, 2)}"


def percent(fraction: float) -> str:
    """A fraction as per cent with two significant digits."""
    return f"{float(f'{100 * fraction:.2g}'):g} %"


def count(amount: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{amount} {noun}" + ("" if amount == 1 else "s")


def headline(board: Board) -> str:
    """The result of one dataset in a line."""
    if board.winner is None:
        return f"No run on {board.dataset} could be ranked"
    if len(board.places) == 1:
        return f"{board.winner.experiment} on {board.dataset}"
    return f"{board.winner.experiment} makes the best images of {board.dataset}"


def verdict(board: Board) -> list[str]:
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


def _seeds(board: Board) -> str:
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


def _samples(board: Board) -> list[str]:
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
