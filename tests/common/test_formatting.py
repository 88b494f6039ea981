import pytest

from ganpipe.common.formatting import mean_with_spread, number, percent, ranks


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (float("nan"), "–"), (0.0, "0"), (21.4321, "21.4"), (38.0, "38.0"), (0.0123456, "0.0123"),
        (1.5e-7, "1.50 × 10⁻⁷"), (9999, "9999"), (660_000, "660 k"), (1_860_345.0, "1.86 M"), (-740.0, "-740"),
    ],
)  # fmt: skip
def test_numbers_are_formatted_with_three_significant_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_spread_is_shown_only_if_seeds_differ() -> None:
    assert mean_with_spread([]) == "–"
    assert mean_with_spread([3, 3]) == "3"
    assert mean_with_spread([1.0, 3.0]) == "2.00 ± 1.4"


def test_percentages_have_two_significant_digits() -> None:
    assert percent(0.43684) == "44 %"
    assert percent(0.00519) == "0.52 %"


def test_uncertain_ranks_are_ranges() -> None:
    assert [ranks(2, 2), ranks(2, 4)] == ["2", "2–4"]
