"""Verdicts of whole leaderboards, and how often they are right: simulated trainings with known means."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ganpipe.compare.leaderboard import Leaderboard
from ganpipe.compare.ranking import rank
from ganpipe.config import SelectSettings
from tests.compare.test_ranking import score


def leaderboard(values: dict[str, Sequence[float]], direction: str = "lower", **select: Any) -> Leaderboard:
    scores = [
        score(name, seed, direction=direction, fd=value)
        for name, group in values.items()
        for seed, value in enumerate(group)
    ]
    return rank(scores, SelectSettings(metric="fd", **select)).boards[0]


def ranks(board: Leaderboard) -> dict[str, tuple[int, int]]:
    return {place.experiment: (place.rank, place.last_rank) for place in board.places}


def test_distinctly_best_experiment_is_the_verdict() -> None:
    board = leaderboard({"a": [10, 11, 10.5], "b": [100, 95, 104], "c": [103, 96, 97]})

    assert (board.verdict.kind, board.verdict.label, board.verdict.candidates) == ("established", "a", ("a",))
    assert ranks(board) == {"a": (1, 1), "b": (2, 3), "c": (2, 3)}


def test_experiments_that_cannot_be_distinguished_share_a_rank() -> None:
    board = leaderboard({"a": [10, 11, 10.5], "b": [10.2, 11.4, 10.6], "c": [103, 96, 97]})

    assert (board.verdict.kind, board.verdict.label) == ("tie", "a or b")
    assert ranks(board) == {"a": (1, 2), "b": (1, 2), "c": (3, 3)}


def test_wide_experiment_that_may_be_the_best_is_a_candidate_and_listed_by_its_mean() -> None:
    board = leaderboard({"best": [10, 10.1, 9.9], "narrow": [12, 12.1, 11.9], "wide": [7, 21, 15]})

    assert board.verdict.label == "best or wide"
    assert ranks(board) == {"best": (1, 2), "narrow": (2, 3), "wide": (1, 3)}
    assert [place.experiment for place in board.places] == ["best", "narrow", "wide"]


def test_one_seed_establishes_nothing() -> None:
    board = leaderboard({"a": [10], "b": [1000]})

    assert (board.verdict.kind, board.verdict.label) == ("one seed", "not established from one seed")
    assert board.verdict.candidates == ("a", "b") and board.comparisons == ()
    assert ranks(board) == {"a": (1, 1), "b": (2, 2)}
    assert [place.interval for place in board.places] == [None, None]


def test_only_ranked_experiment_is_unopposed() -> None:
    assert leaderboard({"a": [10, 12]}).verdict.kind == "unopposed"
    assert leaderboard({"a": [10]}).verdict.label == "a"


def test_grid_of_failed_runs_has_no_verdict() -> None:
    board = rank([score("a", status="diverged")], SelectSettings(metric="fd")).boards[0]

    assert board.verdict.kind == "none" and board.verdict.candidates == ()


def test_positive_values_whose_lower_is_better_are_compared_as_ratios() -> None:
    board = leaderboard({"a": [8, 10, 12.5], "b": [32, 40, 50]})

    [comparison] = board.comparisons
    expected = stats.ttest_ind(np.log([32, 40, 50]), np.log([8, 10, 12.5]), equal_var=False)
    interval = np.exp(expected.confidence_interval(0.95))
    assert board.scale == "ratio"
    assert (comparison.better, comparison.worse, comparison.distinct) == ("a", "b", True)
    assert comparison.effect == pytest.approx(4)
    assert comparison.interval == pytest.approx(tuple(interval), rel=1e-9)
    assert comparison.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    first = board.places[0].interval
    assert first is not None and math.sqrt(first[0] * first[1]) == pytest.approx(10)


@pytest.mark.parametrize(("direction", "better"), [("higher", "b"), ("lower", "a")])
def test_other_values_are_compared_by_differences(direction: str, better: str) -> None:
    board = leaderboard({"a": [-0.1, 0.0, 0.1], "b": [0.9, 1.0, 1.1]}, direction)

    [comparison] = board.comparisons
    assert (board.scale, comparison.better, comparison.distinct) == ("difference", better, True)
    assert comparison.effect == pytest.approx(1)
    assert 0 < comparison.interval[0] < 1 < comparison.interval[1]


def test_difference_within_the_tolerance_is_a_tie_however_certain() -> None:
    values = {"a": [10, 10.001, 9.999], "b": [10.3, 10.301, 10.299]}

    assert leaderboard(values).verdict.kind == "established"
    assert leaderboard(values, tolerance=0.05).verdict.kind == "tie"


def test_confidence_is_a_setting() -> None:
    values = {"a": [10, 11, 12], "b": [13, 12.5, 14]}

    assert leaderboard(values, confidence=0.9).verdict.kind == "established"
    assert leaderboard(values, confidence=0.99).verdict.kind == "tie"


def simulated(random: np.random.Generator, means: dict[str, float], variation: float, seeds: int) -> Leaderboard:
    """Trainings whose values vary by a given coefficient of variation over seeds."""
    return leaderboard({
        name: [float(value) for value in mean * np.exp(random.normal(0, variation, seeds))]
        for name, mean in means.items()
    })  # fmt: skip


@pytest.mark.parametrize("seeds", [3, 5])
@pytest.mark.parametrize("variation", [0.02, 0.18])
def test_identical_experiments_are_a_tie_in_95_percent_of_trials(seeds: int, variation: float) -> None:
    """The coefficients of variation are the smallest and the largest measured over training seeds (docs/verdict.md)."""
    random = np.random.default_rng(1)
    ties = [simulated(random, {"a": 30, "b": 30}, variation, seeds).verdict.kind == "tie" for _ in range(2000)]

    assert np.mean(ties) >= 0.95


def test_identical_pair_among_others_is_a_tie_in_95_percent_of_trials() -> None:
    random = np.random.default_rng(2)
    means = {"a": 30.0, "b": 30.0, "c": 150.0, "d": 650.0, "e": 700.0}
    ties = [simulated(random, means, 0.1, 3).verdict.candidates for _ in range(1000)]

    assert np.mean([set(candidates) == {"a", "b"} for candidates in ties]) >= 0.95


def test_difference_of_two_standard_deviations_is_detected_nearly_as_often_as_possible() -> None:
    """The best unbiased test of normal values with equal variances detects it in 79 % of trials with five seeds."""
    noncentrality, freedom = 2 / math.sqrt(2 / 5), 8
    possible = 1 - stats.nct.cdf(stats.t.ppf(0.975, freedom), freedom, noncentrality)
    random = np.random.default_rng(3)

    detected = {
        seeds: np.mean([
            simulated(random, {"a": 30.0, "b": 30.0 * math.exp(0.2)}, 0.1, seeds).verdict.label == "a"
            for _ in range(2000)
        ])
        for seeds in (5, 6)
    }  # fmt: skip

    assert possible == pytest.approx(0.79, abs=0.005)
    assert detected[5] >= possible - 0.03
    assert detected[6] >= 0.8
