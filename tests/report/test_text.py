from collections.abc import Sequence

import pytest

from ganpipe.compare.leaderboard import Leaderboard
from ganpipe.compare.ranking import rank
from ganpipe.compare.runs import Score
from ganpipe.config import SelectSettings
from ganpipe.report.ranking_table import comparison_label, ranking_rows
from ganpipe.report.text import headline, verdict
from tests.compare.test_ranking import score, with_error

CONFIDENCE = 0.95
FAR = {"a": (10.0, 10.2, 9.9), "b": (20.0, 20.4, 19.7), "c": (40.0, 41.0, 39.5)}
CLOSE = {"a": (10.0, 12.0, 11.0), "b": (10.5, 12.5, 11.5), "c": (40.0, 41.0, 39.5)}


def board(scores: Sequence[Score], **select: object) -> Leaderboard:
    return rank(scores, SelectSettings.model_validate({"metric": "fd", **select})).boards[0]


def replicated(values: dict[str, tuple[float, ...]]) -> Leaderboard:
    return board(
        [score(name, seed=seed, fd=value) for name, seeds in values.items() for seed, value in enumerate(seeds)]
    )


def sentences(leaderboard: Leaderboard) -> str:
    return " ".join(verdict(leaderboard, CONFIDENCE))


def test_established_winner_is_named_with_its_interval_and_the_closest_experiment() -> None:
    leaderboard = replicated(FAR)
    assert headline(leaderboard) == "a makes the best images of mnist"
    text = sentences(leaderboard)
    assert text.startswith("Its fd is the lowest: 10.0 (95 % confidence interval 9.66 to 10.4, 3 training seeds).")
    assert "The next, b, is 2.00 times as large (" in text and "adjusted for 3 comparisons" in text


def test_experiments_that_cannot_be_distinguished_are_all_named() -> None:
    leaderboard = replicated(CLOSE)
    assert headline(leaderboard) == "a or b makes the best images of mnist"
    text = sentences(leaderboard)
    assert "With 95 % confidence, the training seeds do not distinguish a and b." in text
    assert "the lowest" not in text and "Replicate" in text


def test_candidate_with_a_single_seed_is_named_as_untested() -> None:
    text = sentences(replicated({**CLOSE, "d": (30.0,)}))
    assert "do not distinguish a, b and d." in text and "Not tested, with a single training seed: d." in text


def test_headline_counts_candidates_if_there_are_many() -> None:
    values = {name: (10.0 + 0.1 * index, 12.0, 11.0) for index, name in enumerate("abcd")}
    assert headline(replicated(values)) == "Best images of mnist: 4 of 4 experiments cannot be distinguished"


def test_one_seed_establishes_no_winner() -> None:
    leaderboard = board([score("a", fd=10.0), score("b", fd=20.0)])
    assert headline(leaderboard) == "a leads on mnist, not established from one seed"
    text = sentences(leaderboard)
    assert "Its fd is the lowest: 10.0, compared with 20.0 for b (50 % lower)." in text
    assert "One training seed per experiment" in text


def test_single_replicated_experiment_establishes_no_winner() -> None:
    scores = [score("a", fd=10.0), *(score("b", seed=seed, fd=20.0 + seed) for seed in range(3))]
    assert "Fewer than two experiments have several training seeds" in sentences(board(scores))


def test_only_ranked_experiment_is_compared_with_nothing() -> None:
    leaderboard = replicated({"a": FAR["a"]})
    assert headline(leaderboard) == "a on mnist"
    assert "The only ranked experiment: its fd is 10.0 (95 % confidence interval" in sentences(leaderboard)


def test_tie_rule_is_named() -> None:
    scores = [score("a", fd=10.0, kid=0.9), score("b", fd=10.5, kid=0.1)]
    text = sentences(board(scores, tolerance=0.1, tie=("kid",)))
    assert "Its fd, 10.5, ties with that of a, 10.0; kid broke the tie." in text


def test_uncertain_ranks_are_ranges() -> None:
    assert [row.rank for row in ranking_rows(replicated(CLOSE))] == ["1–2", "1–2", "3"]
    assert [row.rank for row in ranking_rows(replicated(FAR))] == ["1", "2", "3"]


def test_rows_compare_with_the_first_as_ratios_and_name_indistinguishable_ones() -> None:
    first, close, far = ranking_rows(replicated(CLOSE))
    assert comparison_label(replicated(CLOSE)) == "÷ first"
    assert first.comparison == "–" and first.distinct
    assert close.comparison.startswith("1.05 (") and not close.distinct
    assert far.comparison.startswith("3.66 (") and far.distinct


def test_rows_of_one_seed_show_the_difference_to_the_first() -> None:
    leaderboard = board([score("a", fd=10.0), score("b", fd=20.0)])
    assert comparison_label(leaderboard) == "Difference to the first"
    assert [(row.mean, row.interval, row.seeds, row.comparison) for row in ranking_rows(leaderboard)] == [
        ("10.0", "–", "1", "–"),
        ("20.0", "–", "1", "10.0"),
    ]


def verdict_text(**measured: tuple[float, float]) -> str:
    return sentences(board([with_error(score(name, fd=value), error) for name, (value, error) in measured.items()]))


def test_neighbours_within_sampling_noise_are_named() -> None:
    text = verdict_text(a=(10.0, 0.3), b=(11.0, 0.4), c=(20.0, 0.4))
    assert "within two standard errors for: a and b." in text


def test_order_beyond_sampling_noise_is_stated() -> None:
    text = verdict_text(a=(10.0, 0.3), b=(15.0, 0.4), c=(18.0, 0.3))
    assert "does not change the order: adjacent ranks differ by at least 6.0 standard errors" in text


@pytest.mark.parametrize("values", [FAR, CLOSE])
def test_sampling_noise_is_part_of_the_variation_between_seeds(values: dict[str, tuple[float, ...]]) -> None:
    scores = [
        with_error(score(name, seed=seed, fd=value), 0.3)
        for name, seeds in values.items()
        for seed, value in enumerate(seeds)
    ]
    assert "standard error" not in sentences(board(scores))


def test_sampling_noise_is_not_mentioned_without_standard_errors() -> None:
    assert "standard error" not in sentences(board([with_error(score("a", fd=10), 0.3), score("b", fd=11)]))
