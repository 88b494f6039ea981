import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganpipe.common.errors import UserError
from ganpipe.compare.ranking import rank
from ganpipe.compare.runs import Score
from ganpipe.config import SelectSettings

FIELDS = {"metric": "fd", "extractor": "judge", "n_generated": 100}


def score(
    experiment: str, seed: int = 0, *, dataset: str = "mnist", status: str = "ok", fields: dict[str, Any] = FIELDS,
    direction: str = "lower", ratio: float | None = None, absent: dict[str, str] | None = None, **values: float,
) -> Score:  # fmt: skip
    protocol = json.dumps(fields)
    metrics = {
        name: {
            "value": value,
            "ratio": ratio,
            "floor": 1.0,
            "ceiling": 90.0,
            "direction": direction,
            "protocol": protocol,
        }
        for name, value in values.items()
    }
    return Score.model_validate(
        {"run": f"{experiment}-{seed}", "experiment": experiment, "seed": seed, "dataset": dataset, "status": status,
         "reason": "loss_d is not finite" if status == "diverged" else "", "metrics": metrics, "absent": absent or {},
         "protocols": {protocol: fields}}
    )  # fmt: skip


def order(scores: list[Score], **select: Any) -> list[str]:
    return [place.experiment for place in rank(scores, SelectSettings(metric="fd", **select)).boards[0].places]


def test_mean_over_the_seeds_decides_not_the_best_seed() -> None:
    scores = [score("lucky", 0, fd=1), score("lucky", 1, fd=21), score("steady", 0, fd=10), score("steady", 1, fd=11)]
    board = rank(scores, SelectSettings(metric="fd")).boards[0]
    assert [(place.experiment, place.mean) for place in board.places] == [("steady", 10.5), ("lucky", 11.0)]
    assert board.places[0].best_run == "steady-0"
    assert board.places[1].spread == pytest.approx(200**0.5)
    assert board.lead is not None
    assert (board.lead.absolute, board.lead.relative, board.lead.decided_by) == (0.5, pytest.approx(0.5 / 11), "fd")


def test_direction_of_the_metric_is_used_unless_another_is_selected() -> None:
    scores = [score("a", direction="higher", fd=0.9), score("b", direction="higher", fd=0.2)]
    assert order(scores) == ["a", "b"]
    assert order(scores, direction="lower") == ["b", "a"]


def test_twice_and_half_the_real_value_are_equally_far_from_it() -> None:
    scores = [
        score("half", direction="real", ratio=0.5, fd=50),
        score("near", direction="real", ratio=1.2, fd=120),
        score("twice", direction="real", ratio=2.0, fd=200),
    ]
    board = rank(scores, SelectSettings(metric="fd")).boards[0]
    assert [place.experiment for place in board.places] == ["near", "half", "twice"]
    assert board.places[1].mean == pytest.approx(board.places[2].mean)
    assert board.ceiling == pytest.approx(0.1053605)  # |ln(90 / 100)|: the value of real images is 100


def test_ratio_of_zero_ranks_last() -> None:
    assert order(
        [score("flat", direction="real", ratio=0.0, fd=0), score("far", direction="real", ratio=9.0, fd=9)]
    ) == [
        "far",
        "flat",
    ]


def test_tie_rule_decides_within_the_tolerance_then_the_name() -> None:
    scores = [score("b", fd=100, kid=3), score("a", fd=100.5, kid=2), score("c", fd=130, kid=1)]
    assert order(scores) == ["b", "a", "c"]
    assert order(scores, tolerance=0.01, tie=("kid",)) == ["a", "b", "c"]
    assert order(scores, tolerance=0.01) == ["a", "b", "c"]
    lead = rank(scores, SelectSettings(metric="fd", tolerance=0.01, tie=("kid",))).boards[0].lead
    assert lead is not None
    assert (lead.decided_by, lead.absolute) == ("kid", -0.5)


def test_tolerance_is_relative_to_the_mean_of_the_best() -> None:
    scores = [score("best", fd=0.5), score("other", fd=0.9), score("far", fd=199)]
    board = rank(scores, SelectSettings(metric="fd", tolerance=0.9)).boards[0]
    assert board.lead is not None and board.lead.decided_by == "name", "0.9 is within 90 % of 0.5"
    assert [place.experiment for place in board.places] == ["best", "other", "far"]
    scores = [score("a-far", fd=199), score("best", fd=0.5)]
    assert order(scores, tolerance=0.999) == ["best", "a-far"]


def test_experiment_with_a_failed_seed_is_not_ranked() -> None:
    scores = [
        score("shaky", 0, fd=1),
        score("shaky", 1, status="diverged"),
        score("sound", 0, fd=50),
        score("sound", 1, fd=51),
    ]
    board = rank(scores, SelectSettings(metric="fd")).boards[0]
    assert [place.experiment for place in board.places] == ["sound"]
    assert [(entry.experiment, entry.reason) for entry in board.unranked] == [
        ("shaky", "diverged: loss_d is not finite (1 of 2 seeds)")
    ]


def test_copy_of_training_images_is_not_ranked_however_good() -> None:
    board = rank([score("copy", status="copied", fd=0), score("honest", fd=50)], SelectSettings(metric="fd")).boards[0]
    assert [place.experiment for place in board.places] == ["honest"]
    assert [entry.reason.split(":")[0] for entry in board.unranked] == ["copied"]


def test_grid_of_failed_runs_has_no_winner_and_raises_no_error() -> None:
    ranking = rank([score("a", status="diverged")], SelectSettings(metric="fd"))
    assert ranking.winners == ()
    assert ranking.boards[0].lead is None


def test_datasets_are_ranked_separately() -> None:
    other = {**FIELDS, "extractor": "another judge"}
    ranking = rank([score("m", fd=5), score("f", dataset="fashion", fields=other, fd=1)], SelectSettings(metric="fd"))
    assert [(board.dataset, board.places[0].experiment) for board in ranking.boards] == [
        ("fashion", "f"),
        ("mnist", "m"),
    ]


def test_values_of_two_protocols_are_rejected_with_the_differing_fields() -> None:
    scores = [score("a", fd=5), score("b", fields={**FIELDS, "n_generated": 50}, fd=6)]
    with pytest.raises(UserError, match=r"n_generated: 100 \(a-0\), 50 \(b-0\)") as error:
        order(scores)
    assert "extractor" not in str(error.value)


def test_protocols_of_the_tie_rule_are_checked() -> None:
    scores = [score("a", fd=5), score("b", fd=6)]
    mixed = scores[1].metrics["fd"].model_copy(update={"protocol": "other"})
    pair = [
        s.model_copy(update={"metrics": {**s.metrics, "kid": m}})
        for s, m in zip(scores, (scores[0].metrics["fd"], mixed), strict=True)
    ]
    with pytest.raises(UserError, match="kid: computed under different protocols"):
        order(pair, tie=("kid",))


def test_runs_without_the_metric_are_not_ranked() -> None:
    board = rank([score("a", fd=5), score("b", absent={"fd": "no labels"})], SelectSettings(metric="fd")).boards[0]
    assert [entry.reason for entry in board.unranked] == ["no fd: no labels"]


values = st.floats(0.01, 1000)
experiments = st.dictionaries(
    st.sampled_from("abcdef"), st.lists(st.tuples(values, values), min_size=3, max_size=3), min_size=1
)


@given(
    experiments,
    st.randoms(use_true_random=False),
    st.sampled_from([0.0, 0.05, 0.5]),
    st.sampled_from(["lower", "higher"]),
)
def test_order_of_the_records_does_not_matter(found: Any, random: Any, tolerance: float, direction: Any) -> None:
    scores = [
        score(name, seed, fd=fd, kid=kid) for name, seeds in found.items() for seed, (fd, kid) in enumerate(seeds)
    ]
    select = SelectSettings(metric="fd", tie=("kid",), tolerance=tolerance, direction=direction)
    shuffled = random.sample(scores, len(scores))
    assert rank(scores, select) == rank(shuffled, select)


@given(experiments, st.sampled_from([0.0, 0.1]))
def test_no_experiment_beats_the_first_by_more_than_the_tolerance(found: Any, tolerance: float) -> None:
    scores = [score(name, seed, fd=fd) for name, seeds in found.items() for seed, (fd, _) in enumerate(seeds)]
    places = rank(scores, SelectSettings(metric="fd", tolerance=tolerance)).boards[0].places
    assert places[0].mean * (1 - tolerance) <= min(place.mean for place in places)
    assert [place.rank for place in places] == sorted(place.rank for place in places)
    assert places[0].rank == 1 and all(place.rank <= place.last_rank <= len(places) for place in places)


def with_error(record: Score, error: float) -> Score:
    return record.model_copy(
        update={"metrics": {"fd": record.metrics["fd"].model_copy(update={"standard_error": error})}}
    )


def test_standard_error_of_a_mean_over_seeds_is_that_of_independent_samples() -> None:
    scores = [with_error(score("a", 0, fd=10), 3.0), with_error(score("a", 1, fd=12), 4.0), score("b", fd=20)]
    places = rank(scores, SelectSettings(metric="fd")).boards[0].places
    assert places[0].standard_error == 2.5
    assert places[1].standard_error is None


def test_standard_error_of_a_log_ratio_is_relative_to_the_value() -> None:
    places = rank([with_error(score("a", direction="real", ratio=2.0, fd=50), 5.0)], SelectSettings(metric="fd"))
    assert places.boards[0].places[0].standard_error == pytest.approx(0.1)
