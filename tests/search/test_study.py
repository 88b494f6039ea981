import math
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganpipe.common.errors import UserError
from ganpipe.config import Params
from ganpipe.plan.build import Plan
from ganpipe.search.proposals import number_of_trials, propose
from ganpipe.search.scored_runs import GridSettings
from ganpipe.search.study import Study, promoted, run_search
from ganpipe.search.study_store import study_writer
from ganpipe.search.study_table import best_settings, study_table
from tests.search.fake_scores import FakeScores

SPACE: dict[str, Any] = {
    "lr": {"low": 0.0001, "high": 0.1, "log": True},
    "generator.width": {"low": 4, "high": 32, "step": 4},
    "betas": [[0.0, 0.9], [0.5, 0.999]],
}


class Landscape(FakeScores):
    """Trainings whose metric depends on the learning rate: best at 0.003, worse by a factor per factor of ten."""

    def __init__(self) -> None:
        super().__init__({}, spread=0.02)

    def plan(self, grid: GridSettings) -> Plan:
        made = super().plan(grid)
        for run in made.runs.values():
            run["train"] |= {"lr": grid.entries.get(run["experiment"], {}).get("lr", 0.1)}
        return made

    def _train(self, document: Mapping[str, Any]):  # type: ignore[no-untyped-def]
        distance = abs(math.log10(document["train"]["lr"] / 0.003))
        self.curves = {document["experiment"]: lambda epochs: 2 * distance - 0.1 * epochs}
        return super()._train(document)


def search_params(bases: tuple[str, ...] = ("base",), space: dict[str, Any] = SPACE, **search: Any) -> Params:
    return Params.model_validate(
        {
            "grid": {"datasets": ["mnist"], "experiments": ["base"], "seeds": [0, 1, 2]},
            "train": {},
            "experiments": {name: {"document": "own", "title": name, "generator": {"depth": 2}} for name in bases},
            "datasets": {},
            "select": {"metric": "fd"},
            "search": {"bases": bases, "space": space, "trials": 24, **search},
        }
    )


def test_a_search_finds_the_best_learning_rate_and_stops_bad_trials_early() -> None:
    scores = Landscape()
    (study,) = run_search(search_params(), scores)
    assert study.best is not None and 0.001 < study.best.settings["lr"] < 0.009
    reached = [max(trial.costs) for trial in study.trials]
    assert len(reached) == 24 and reached.count(9) < 12
    complete = [trial.cost for trial in study.trials if trial.cost is not None]
    stopped = [trial.costs[1] for trial in study.trials if not trial.complete]
    assert statistics.median(stopped) > max(complete)  # type: ignore[type-var]


def test_tpe_proposes_better_trials_than_random_sampling() -> None:
    def mean_distance(sampler: str) -> float:
        (study,) = run_search(search_params(trials=40, sampler=sampler), Landscape())
        late = study.trials[16:]
        return statistics.mean(abs(math.log10(trial.settings["lr"] / 0.003)) for trial in late)

    assert mean_distance("tpe") < 0.7 * mean_distance("random")


@settings(max_examples=8, deadline=None)
@given(kills=st.lists(st.integers(0, 15), min_size=1, max_size=4), sampler=st.sampled_from(["tpe", "random"]))
def test_a_search_that_was_killed_has_the_same_trials(kills: list[int], sampler: str) -> None:
    params = search_params(trials=14, sampler=sampler)
    whole, killed = Landscape(), Landscape()
    expected = run_search(params, whole)
    for kill in kills:
        killed.kill_after = len(killed.computed) + kill
        try:
            run_search(params, killed)
        except KeyboardInterrupt:
            continue
    killed.kill_after = None
    assert run_search(params, killed) == expected
    assert sorted(killed.computed) == sorted(whole.computed), "a run was computed twice"


def test_a_proposal_depends_on_its_number_its_base_and_the_results() -> None:
    params = search_params()
    (study,) = run_search(params, Landscape())
    one = propose(params.search, study.trials[:12], 12, "base")
    assert one == propose(params.search, study.trials[:12], 12, "base")
    assert one != propose(params.search, study.trials[:12], 13, "base")
    assert one != propose(params.search, study.trials[:12], 12, "other")
    assert one != propose(params.search, study.trials[:8], 12, "base")


def test_every_base_gets_the_same_number_of_trials() -> None:
    studies = run_search(search_params(("gan", "vae"), trials=6), Landscape())
    assert [(study.base, len(study.trials)) for study in studies] == [("gan", 6), ("vae", 6)]


def test_the_grid_sampler_tries_every_combination_once() -> None:
    space = {"lr": [0.1, 0.01, 0.001], "generator.width": {"low": 8, "high": 16, "step": 4}}
    params = search_params(space=space, sampler="grid", trials=100)
    assert number_of_trials(params.search) == 9
    (study,) = run_search(params, Landscape())
    tried = {(trial.settings["lr"], trial.settings["generator.width"]) for trial in study.trials}
    assert tried == {(lr, width) for lr in space["lr"] for width in (8, 12, 16)}


def test_failed_trials_stop_and_are_never_the_best() -> None:
    scores = Landscape()
    scores.failed = lambda name, _epochs: "collapsed" if name.endswith(("-0", "-3")) else "ok"
    (study,) = run_search(search_params(trials=8), scores)
    assert [max(study.trials[number].costs) for number in (0, 3)] == [1, 1]
    assert study.best is not None and study.best.number not in (0, 3)
    scores.failed = lambda _name, _epochs: "diverged"
    scores.stored.clear()
    studies = run_search(search_params(trials=8), scores)
    assert studies[0].best is None and best_settings(studies, search_params()) == {}


def test_trials_whose_settings_exclude_each_other_are_skipped_and_named() -> None:
    class Restricted(Landscape):
        def plan(self, grid: GridSettings) -> Plan:
            if any(entry.get("generator", {}).get("width", 0) > 16 for entry in grid.entries.values()):
                raise UserError("params.yaml: one problem.\n  - width: too wide for this loss.")
            return super().plan(grid)

    reports: list[str] = []
    (study,) = run_search(search_params(), Restricted(), reports.append)
    skipped = [trial for trial in study.trials if trial.settings["generator.width"] > 16]
    assert skipped and all(trial.costs == {} and not trial.complete for trial in skipped)
    named = [line for line in reports if "excl" in line]
    assert len(named) == len(skipped)
    assert named[0].endswith("exclude each other:\n  - width: too wide for this loss.")
    assert study.best is not None and study.best.settings["generator.width"] <= 16
    assert len(study_table(study, search_params()).splitlines()) == 4 + len(study.trials)


@pytest.mark.parametrize(
    ("earlier", "costs", "continuing"),
    [
        ([], {0: 3.0, 1: 1.0, 2: 2.0}, [1]),
        ([], {0: None, 1: None}, []),
        ([0.1, 0.2, 0.3], {3: 1.0, 4: 2.0, 5: 0.15}, [5]),
        ([5.0, 6.0, None], {3: 1.0, 4: 2.0}, [3, 4]),
        ([], {0: 1.0}, [0]),
    ],
)
def test_the_best_third_of_all_trials_continues(
    earlier: list[float | None], costs: dict[int, float | None], continuing: list[int]
) -> None:
    assert promoted(earlier, costs) == continuing


def test_the_result_is_an_ordinary_entry_with_the_settings_of_the_best_trial() -> None:
    params = search_params()
    studies = run_search(params, Landscape())
    best = studies[0].best
    assert best is not None
    found = best_settings(studies, params)
    name = f"found-base-{best.number}"
    assert found[("grid", "experiments")] == [name] and found[("grid", "seeds")] == [0]
    entry = found[("experiments", name)]
    assert entry["lr"] == best.settings["lr"] and entry["betas"] == best.settings["betas"]
    assert entry["generator"] == {"depth": 2, "width": best.settings["generator.width"]}
    assert str(best.settings["lr"]) in study_table(studies[0], params)


def test_the_database_holds_every_trial_once(tmp_path: Path) -> None:
    params = search_params(trials=8)
    write = study_writer(tmp_path / "search.db", params)
    (study,) = run_search(params, Landscape(), store=write)
    write(study)
    (name,) = optuna.get_all_study_names(f"sqlite:///{tmp_path / 'search.db'}")
    stored = optuna.load_study(study_name=name, storage=f"sqlite:///{tmp_path / 'search.db'}")
    assert [trial.state.name for trial in stored.trials] == [
        "COMPLETE" if trial.complete else "PRUNED" for trial in study.trials
    ]
    assert study.best is not None and stored.best_value == study.best.cost
    write(Study(study.base, study.trials[1:]))  # other results, as after a change of the code
    assert len(optuna.load_study(study_name=name, storage=f"sqlite:///{tmp_path / 'search.db'}").trials) == 7


def test_a_search_without_a_space_is_rejected() -> None:
    with pytest.raises(UserError, match=r"search\.space"):
        run_search(search_params(space={}), Landscape())
