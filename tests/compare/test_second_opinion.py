"""A metric on other features decides if the selected one cannot, and otherwise says whether it agrees."""

import pytest

from ganpipe.common.errors import UserError
from ganpipe.compare.leaderboard import SecondOpinion
from ganpipe.compare.ranking import rank
from ganpipe.config import SelectSettings
from ganpipe.report.text import verdict
from tests.compare.test_ranking import score

SELECT = SelectSettings(metric="fd", fallback=("other",))
FAILED = {"fd": "the judge failed its checks"}


def test_orders_are_compared_by_kendalls_tau() -> None:
    scores = [score("a", fd=1, other=2), score("b", fd=2, other=1), score("c", fd=3, other=3)]
    (board,) = rank(scores, SELECT).boards
    assert board.metric == "fd" and board.replaced == ""
    assert board.second_opinion == SecondOpinion("other", pytest.approx(1 / 3), "b")  # two pairs of three agree
    assert "other, prefers b (Kendall" in verdict(board, 0.95)[-1]  # one seed: all are candidates


def test_disagreement_about_the_best_is_stated() -> None:
    scores = [
        score(name, seed, fd=fd + seed / 100, other=-fd) for name, fd in (("a", 1), ("b", 9)) for seed in range(3)
    ]
    (board,) = rank(scores, SELECT).boards
    assert board.verdict.candidates == ("a",)
    assert verdict(board, 0.95)[-2] == (
        "A second opinion, other, disagrees: it prefers b (Kendall's tau -1.0 over 2 experiments)."
    )


def test_a_distance_that_improves_while_the_second_opinion_does_not_is_flagged() -> None:
    means = {"a": (1, 1), "b": (9, 8), "c": (81, 7), "d": (729, 7)}  # fd, other
    scores = [
        score(name, seed, fd=fd * (1 + seed / 100), other=other)
        for name, (fd, other) in means.items()
        for seed in range(3)
    ]
    (board,) = rank(scores, SELECT).boards
    assert board.second_opinion is not None
    assert board.second_opinion.first == "a"  # they agree about the best
    assert board.second_opinion.unconfirmed == (("b", "c"), ("b", "d"), ("c", "d"))
    assert verdict(board, 0.95)[-1] == (
        "fd prefers b over c, b over d and c over d, other does not: these images may not be better."
    )


def test_a_difference_that_is_not_established_needs_no_confirmation() -> None:
    scores = [score(name, seed, fd=1 + seed + fd, other=-fd) for name, fd in (("a", 0), ("b", 0.1)) for seed in (0, 1)]
    (board,) = rank(scores, SELECT).boards
    assert board.verdict.kind == "tie"
    assert board.second_opinion is not None and board.second_opinion.unconfirmed == ()
    assert "does not" not in verdict(board, 0.95)[-1]


def test_the_fallback_decides_where_the_metric_is_absent_and_the_verdict_says_so() -> None:
    scores = [score("a", absent=FAILED, other=2), score("b", absent=FAILED, other=1)]
    (board,) = rank(scores, SELECT).boards
    assert (board.metric, board.places[0].experiment, board.second_opinion) == ("other", "b", None)
    assert "other decides, because the selected metric could not: the judge failed its checks." in verdict(board, 0.95)


def test_nothing_decides_if_the_fallback_failed_too() -> None:
    (board,) = rank([score("a", absent=FAILED | {"other": "features failed"}, third=1)], SELECT).boards
    assert (board.metric, board.replaced, board.verdict.kind) == ("fd", "", "none")
    assert board.unranked[0].reason == "no fd: the judge failed its checks"
    assert not any("decides" in sentence for sentence in verdict(board, 0.95))


def test_a_second_opinion_may_prefer_values_close_to_real_ones() -> None:
    scores = [
        score(name, fd=fd).model_copy(
            update={"metrics": score(name, fd=fd).metrics | score(name, direction="real", ratio=ratio, other=1).metrics}
        )
        for name, fd, ratio in (("a", 1, 1.0), ("b", 2, 3.0))
    ]
    opinion = rank(scores, SELECT).boards[0].second_opinion
    assert opinion == SecondOpinion("other", 1.0, "a")


def test_every_dataset_has_its_own_deciding_metric() -> None:
    scores = [score("a", fd=1, other=2), score("b", dataset="folder", absent=FAILED, other=1)]
    assert [(board.dataset, board.metric) for board in rank(scores, SELECT).boards] == [
        ("folder", "other"),
        ("mnist", "fd"),
    ]


def test_without_a_fallback_nothing_is_ranked_and_the_reason_is_kept() -> None:
    (board,) = rank([score("a", absent=FAILED, other=2)], SelectSettings(metric="fd")).boards
    assert board.verdict.kind == "none"
    assert board.unranked[0].reason == "no fd: the judge failed its checks"


def test_a_metric_that_no_record_knows_is_an_error() -> None:
    with pytest.raises(UserError, match=r"select\.metric: no run has fd"):
        rank([score("a", other=2)], SELECT.model_copy(update={"fallback": ()}))


def test_no_second_opinion_without_a_value_for_every_seed() -> None:
    scores = [score("a", fd=1, other=2), score("b", fd=2)]
    assert rank(scores, SELECT).boards[0].second_opinion is None
