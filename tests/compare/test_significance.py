import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from ganpipe.compare.significance import compare_all_pairs, mean_interval

GROUPS = {
    "a": [10.0, 11.5, 10.7],
    "b": [10.9, 12.0, 11.1, 11.9],
    "c": [14.0, 13.1, 15.5],
    "d": [30.0, 55.0, 12.0],
}


def test_two_groups_agree_with_scipys_welch_test() -> None:
    expected = stats.ttest_ind(GROUPS["a"], GROUPS["c"], equal_var=False)
    interval = expected.confidence_interval(0.9)

    difference = compare_all_pairs({"a": GROUPS["a"], "c": GROUPS["c"]}, 0.9)["a", "c"]

    assert difference.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert difference.adjusted_p_value == difference.p_value
    assert difference.interval == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_p_values_are_adjusted_by_holms_procedure() -> None:
    plain = {pair: float(stats.ttest_ind(*(GROUPS[name] for name in pair), equal_var=False).pvalue)
             for pair in combinations(GROUPS, 2)}  # fmt: skip
    expected, largest = {}, 0.0
    for step, pair in enumerate(sorted(plain, key=lambda pair: plain[pair])):
        largest = max(largest, min(1.0, (len(plain) - step) * plain[pair]))
        expected[pair] = largest

    differences = compare_all_pairs(GROUPS, 0.95)

    assert list(differences) == list(plain)
    assert {pair: found.adjusted_p_value for pair, found in differences.items()} == pytest.approx(expected, rel=1e-9)
    assert all(found.significant == (found.adjusted_p_value <= 0.05) for found in differences.values())


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_interval_excludes_zero_exactly_if_the_difference_is_significant(confidence: float) -> None:
    random = np.random.default_rng(0)
    significant = 0
    for _ in range(200):
        groups = {name: list(random.normal(shift, 1, 4)) for name, shift in zip("abcd", (0, 0, 2, 4), strict=True)}
        for difference in compare_all_pairs(groups, confidence).values():
            low, high = difference.interval
            assert difference.significant == (low > 0 or high < 0)
            significant += difference.significant
    assert 0 < significant < 1200


def test_interval_of_a_mean_agrees_with_scipy() -> None:
    low, high = mean_interval(GROUPS["b"], 0.95) or (math.nan, math.nan)
    expected = stats.ttest_1samp(GROUPS["b"], 0).confidence_interval(0.95)

    assert (low, high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_single_values_are_not_compared() -> None:
    assert mean_interval([3.0], 0.95) is None
    assert compare_all_pairs({"a": [1.0], "b": [2.0, 2.5]}, 0.95) == {}
    assert list(compare_all_pairs({"a": [1.0], "b": [2.0, 2.5], "c": [3.0, 3.1]}, 0.95)) == [("b", "c")]


def test_groups_without_variation_differ_for_certain_or_not_at_all() -> None:
    differences = compare_all_pairs({"a": [1.0, 1.0], "b": [1.0, 1.0], "c": [2.0, 2.0]}, 0.95)

    assert not differences["a", "b"].significant and differences["a", "b"].p_value == 1
    assert differences["a", "c"].significant and differences["a", "c"].interval == (-1, -1)


def test_one_group_without_variation_is_compared_with_the_error_of_the_other() -> None:
    expected = stats.ttest_1samp(GROUPS["a"], 12.0)

    difference = compare_all_pairs({"a": GROUPS["a"], "fixed": [12.0, 12.0, 12.0]}, 0.95)["a", "fixed"]

    assert difference.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_size_and_unit_of_the_values_do_not_matter() -> None:
    tiny = {name: [value * 1e-120 for value in group] for name, group in GROUPS.items()}
    for pair, difference in compare_all_pairs(GROUPS, 0.95).items():
        assert compare_all_pairs(tiny, 0.95)[pair].p_value == pytest.approx(difference.p_value, rel=1e-9)
