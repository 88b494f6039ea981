"""Number formatting for reports, tables and messages."""

import math
import statistics
from collections.abc import Sequence

_PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
_PLAIN = 10_000  # integers below this are written in full
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MISSING = "–"
"""Shown in place of a missing number."""


def number(value: float | None, digits: int = 3) -> str:
    """Format a number with `digits` significant digits: large integers with k, M or G, other extremes as a × 10ⁿ."""
    if value is None or not math.isfinite(value):
        return MISSING
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


def mean_with_spread(values: Sequence[float]) -> str:
    """Format the mean over seeds and, if the values differ, their standard deviation."""
    if not values:
        return MISSING
    if len(set(values)) == 1:
        return number(values[0])
    return with_spread(math.fsum(values) / len(values), statistics.stdev(values))


def with_spread(mean: float, spread: float | None) -> str:
    """Format `mean ± spread`, or the mean alone when `spread` is None."""
    return number(mean) if spread is None else f"{number(mean)} ± {number(spread, 2)}"


def percent(fraction: float) -> str:
    """Format a fraction as per cent with two significant digits."""
    return f"{float(f'{100 * fraction:.2g}'):g} %"


def count(amount: int, noun: str) -> str:
    """Format an amount with its noun: `1 run`, `2 runs`."""
    return f"{amount} {noun}" + ("" if amount == 1 else "s")


def ranks(first: int, last: int) -> str:
    """Format the best and the worst rank of an experiment: `2`, or `2–4` for second to fourth."""
    return str(first) if first == last else f"{first}–{last}"
