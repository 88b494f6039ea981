import pytest

from ganpipe.compare.ranking import rank
from ganpipe.compare.settings import SelectSettings
from ganpipe.compare.wording import number, over_seeds, percent, verdict
from tests.compare.test_ranking import score, with_error


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (float("nan"), "–"), (0.0, "0"), (21.4321, "21.4"), (38.0, "38.0"), (0.0123456, "0.0123"),
        (1.5e-7, "1.50 × 10⁻⁷"), (9999, "9999"), (660_000, "660 k"), (1_860_345.0, "1.86 M"), (-740.0, "-740"),
    ],
)  # fmt: skip
def test_numbers_are_short_and_readable(value: float | None, text: str) -> None:
    assert number(value) == text


def test_the_spread_is_shown_only_where_seeds_differ() -> None:
    assert over_seeds([]) == "–"
    assert over_seeds([3, 3]) == "3"
    assert over_seeds([1.0, 3.0]) == "2.00 ± 1.4"


def test_percentages_have_two_digits() -> None:
    assert percent(0.43684) == "44 %"
    assert percent(0.00519) == "0.52 %"


def said(**measured: tuple[float, float]) -> str:
    scores = [with_error(score(name, fd=value), error) for name, (value, error) in measured.items()]
    return " ".join(verdict(rank(scores, SelectSettings(metric="fd")).boards[0]))


def test_neighbours_that_other_samples_could_exchange_are_named() -> None:
    text = said(a=(10.0, 0.3), b=(11.0, 0.4), c=(20.0, 0.4))
    assert "a and b: the difference is within twice its standard error" in text
    assert "b and c" not in text


def test_an_order_that_other_samples_keep_is_called_so() -> None:
    text = said(a=(10.0, 0.3), b=(15.0, 0.4), c=(18.0, 0.3))
    assert "the same order: neighbours are at least 6.0 standard errors apart" in text


def test_nothing_is_said_of_samples_where_their_error_is_not_known() -> None:
    scores = [with_error(score("a", fd=10), 0.3), score("b", fd=11)]
    assert "standard error" not in " ".join(verdict(rank(scores, SelectSettings(metric="fd")).boards[0]))
