import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ganpipe.common.errors import UserError
from ganpipe.config import RaceSettings
from ganpipe.search.elimination import rung_confidence, rungs_of
from ganpipe.search.ladder import as_markdown, as_text
from ganpipe.search.race import Budget, Ladder, run_race
from tests.search.fake_scores import FakeScores, race_params

NO_LIMIT = Budget()


def levels(**values: float) -> FakeScores:
    """Experiments whose metric does not depend on the epochs."""
    return FakeScores({name: lambda _, value=value: math.log(value) for name, value in values.items()})


def dropped(ladder: Ladder) -> list[list[str]]:
    return [[entry.experiment for entry in step.dropped] for step in ladder.steps]


def test_clear_differences_end_the_race_on_the_first_rung() -> None:
    scores = levels(best=1, bad=30, worse=90)
    ladder = run_race(race_params(["worse", "best", "bad"]), scores, NO_LIMIT)
    assert [(result.kind, result.experiments) for result in ladder.outcomes] == [("winner", ("best",))]
    assert dropped(ladder) == [["bad", "worse"]]
    assert (sum(ladder.spent.epochs.values()), ladder.full_epochs) == (9, 81)


def test_close_rivals_continue_to_the_last_rung_and_tie() -> None:
    scores = levels(one=1.0, other=1.02, bad=50)
    ladder = run_race(race_params(["one", "other", "bad"]), scores, NO_LIMIT)
    assert ladder.outcomes[0].kind == "tie" and set(ladder.outcomes[0].experiments) == {"one", "other"}
    assert dropped(ladder) == [["bad"], [], []]
    assert ladder.spent.epochs == {f"{name}-{seed}": epochs for name, epochs in (("one", 9), ("other", 9), ("bad", 1))
                                   for seed in range(3)}  # fmt: skip
    assert ladder.spent.runs == 9 + 6 + 6


def test_only_a_difference_that_cannot_be_caught_up_counts() -> None:
    """With one of nine epochs done, a factor of 9 ** 0.5 = 3 may still be gained."""
    scores = FakeScores({"fast": lambda _: 0.0, "slow": lambda _: math.log(3.0)}, spread=0.02)
    params = race_params(["fast", "slow"])
    assert run_race(params, scores, NO_LIMIT).steps[0].dropped == ()
    bold = params.model_copy(update={"race": RaceSettings(catch_up=0.2)})
    assert [entry.experiment for entry in run_race(bold, scores, NO_LIMIT).steps[0].dropped] == ["slow"]


def test_a_complete_training_cannot_catch_up() -> None:
    """An experiment whose own epochs are all done gets no allowance."""
    scores = FakeScores({"fast": lambda _: 0.0, "short": lambda _: math.log(2)}, spread=0.02)
    whole = scores.plan

    def plan(grid):  # type: ignore[no-untyped-def]
        made = whole(grid)
        for document in made.runs.values():
            if document["experiment"] == "short":
                document["train"]["epochs"] = 1
        return made

    scores.plan = plan  # type: ignore[method-assign]
    ladder = run_race(race_params(["fast", "short"]), scores, NO_LIMIT)
    assert [entry.experiment for entry in ladder.steps[0].dropped] == ["short"]


def test_a_late_winner_survives_the_early_rungs() -> None:
    scores = FakeScores({"sprinter": lambda _: 0.0, "stayer": lambda epochs: 0.6 - 0.6 * math.log(epochs)}, spread=0.02)
    ladder = run_race(race_params(["sprinter", "stayer"]), scores, NO_LIMIT)
    assert ladder.steps[0].kept[0] == "sprinter"
    assert ladder.outcomes[0].experiments == ("stayer",)


def test_diverged_experiments_are_dropped_and_collapsed_ones_get_a_second_chance() -> None:
    scores = levels(diverges=1, recovers=1, stays_collapsed=1, fine=1)
    statuses = {"diverges": "diverged", "stays_collapsed": "collapsed"}
    scores.failed = lambda name, epochs: "collapsed" if (name, epochs) == ("recovers", 1) else statuses.get(name, "ok")
    ladder = run_race(race_params(["diverges", "recovers", "stays_collapsed", "fine"]), scores, NO_LIMIT)
    assert dropped(ladder) == [["diverges"], ["stays_collapsed"], []]
    assert ladder.outcomes[0].kind == "tie"


def test_no_winner_if_every_training_fails() -> None:
    scores = levels(one=1, other=2)
    scores.failed = lambda _name, _epochs: "diverged"
    ladder = run_race(race_params(["one", "other"]), scores, NO_LIMIT)
    assert ladder.outcomes[0].kind == "none" and len(ladder.steps) == 1
    assert "no winner" in as_text(ladder)


@settings(max_examples=25, deadline=None)
@given(draw=st.integers(0, 10**6), kills=st.lists(st.integers(0, 12), min_size=1, max_size=4))
def test_a_race_that_was_killed_takes_the_same_decisions(draw: int, kills: list[int]) -> None:
    curves = {name: (lambda epochs, at=at: at - 0.1 * epochs) for name, at in (("a", 0.0), ("b", 0.1), ("c", 2.0))}
    params, whole = race_params(["a", "b", "c"]), FakeScores(curves, draw=draw)
    expected = run_race(params, whole, NO_LIMIT)
    killed = FakeScores(curves, draw=draw)
    for kill in kills:
        killed.kill_after = len(killed.computed) + kill
        try:
            run_race(params, killed, NO_LIMIT)
        except KeyboardInterrupt:
            continue
    killed.kill_after = None
    assert run_race(params, killed, NO_LIMIT) == expected
    assert sorted(killed.computed) == sorted(whole.computed), "a run was computed twice"


def test_the_best_experiment_is_rarely_dropped() -> None:
    """Among experiments that are equally good on every rung, a race drops any in at most 5 % of all cases."""
    trials, names = 150, ["a", "b", "c", "d"]
    params = race_params(names, catch_up=0.0)
    losses = 0
    for draw in range(trials):
        scores = FakeScores(dict.fromkeys(names, lambda _: 0.0), spread=0.3, draw=draw)
        losses += any(step.dropped for step in run_race(params, scores, NO_LIMIT).steps)
    assert losses / trials <= 0.08  # 5 % and two standard errors


def test_the_budget_ends_the_race_before_it_is_exceeded() -> None:
    params = race_params(["one", "other"])
    by_runs = run_race(params, levels(one=1, other=1), Budget(runs=13))
    assert (by_runs.spent.runs, by_runs.outcomes[0].kind) == (12, "budget")
    seconds = run_race(params, levels(one=1, other=1), Budget(seconds=100.0))
    assert (sum(seconds.spent.seconds.values()), seconds.outcomes[0].kind) == (60.0, "budget")
    assert "could still win" in as_markdown(seconds)


def test_a_training_that_cannot_continue_costs_all_its_epochs_again() -> None:
    scores = levels(one=1, other=1)
    scores.restarting = {"other"}
    spent = run_race(race_params(["one", "other"]), scores, NO_LIMIT).spent
    assert (spent.epochs["one-0"], spent.epochs["other-0"]) == (9, 1 + 3 + 9)
    assert (spent.seconds["one-0"], spent.seconds["other-0"]) == (90.0, 130.0)


def test_the_estimate_of_the_next_rung_counts_what_must_be_trained_again() -> None:
    params, budget = race_params(["one", "other"]), Budget(seconds=200.0)
    continuing, restarting = levels(one=1, other=1), levels(one=1, other=1)
    restarting.restarting = {"one", "other"}
    assert sum(run_race(params, continuing, budget).spent.seconds.values()) == 180
    assert sum(run_race(params, restarting, budget).spent.seconds.values()) == 60


def test_the_final_settings_have_the_final_ranking() -> None:
    ladder = run_race(race_params(["bad", "one", "other"]), levels(one=1, other=1.01, bad=50), NO_LIMIT)
    assert ladder.settings[("grid", "experiments")] == [place.experiment for place in ladder.steps[-1].board.places]
    assert ladder.settings[("budget", "epochs")] == 9
    assert ladder.settings[("select", "confidence")] == rung_confidence(0.95, 3) == 0.983333


def test_rungs_are_derived_from_the_full_budget() -> None:
    def derived(epochs: int, seeds: int) -> list[tuple[int, int]]:
        return [(rung.epochs, rung.seeds) for rung in rungs_of(RaceSettings(), epochs, seeds)]

    assert derived(100, 5) == [(12, 3), (34, 3), (100, 5)]
    assert derived(2, 3) == [(1, 3), (2, 3)]
    assert derived(1, 2) == [(1, 2)]


@pytest.mark.parametrize("rungs", [[(2, 2), (2, 3)], [(1, 3), (2, 2)], [(1, 1)]])
def test_rungs_that_do_not_climb_are_rejected(rungs: list[tuple[int, int]]) -> None:
    with pytest.raises(ValidationError):
        RaceSettings.model_validate({"rungs": [{"epochs": epochs, "seeds": seeds} for epochs, seeds in rungs]})


@pytest.mark.parametrize(
    ("experiments", "seeds", "race", "message"),
    [
        (["one"], 3, {}, "grid.experiments: only one"),
        (["one", "other"], 1, {}, "grid.seeds: only one"),
        (["one", "other"], 2, {"rungs": [{"epochs": 1, "seeds": 3}]}, "race.rungs"),
    ],
)
def test_a_race_without_anything_to_decide_is_rejected(
    experiments: list[str], seeds: int, race: dict[str, object], message: str
) -> None:
    scores = levels(one=1, other=2)
    with pytest.raises(UserError, match=message):
        run_race(race_params(experiments, seeds, **race), scores, NO_LIMIT)
    assert scores.computed == []


def test_the_ladder_names_who_was_dropped_and_why() -> None:
    ladder = run_race(race_params(["one", "bad"]), levels(one=1, bad=50), NO_LIMIT)
    for text in (as_text(ladder), as_markdown(ladder)):
        assert "bad was dropped: fd" in text and "times that of one" in text
        assert "mnist: one wins." in text and "of the 54 epochs of the full grid" in text
        assert "seeds: [0, 1, 2]" in text
