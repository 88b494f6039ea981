"""What a report says about each run is shown on the run."""

import json

import pytest

from ganpipe.records import writers
from ganpipe.tracking.experiments import RUNS
from ganpipe.tracking.verdicts import verdicts
from tests.tracking.conftest import STARTED, Checkout


def description(checkout: Checkout, run: str) -> str:
    return str(checkout.runs()[f"key-{run}"].data.tags["mlflow.note.content"])


def tags(checkout: Checkout, run: str) -> dict[str, str]:
    shown = checkout.runs()[f"key-{run}"].data.tags
    return {name: shown[name] for name in ("winner", "rank") if name in shown}


def test_runs_have_no_rank_before_a_report(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.sync()
    assert tags(checkout, "e01-0") == {}
    assert "No report has ranked this run yet." in description(checkout, "e01-0")


def test_rank_and_winner_are_tags_and_open_the_description(checkout: Checkout) -> None:
    for run in ("e01-0", "e02-0", "e03-0"):
        checkout.train(run)
    grid = checkout.report("e02-0", "e01-0", value=12.5, unranked=("e03-0",))
    checkout.sync()
    assert tags(checkout, "e02-0") == {"winner": "true", "rank": "1"}
    assert tags(checkout, "e01-0") == {"winner": "false", "rank": "2"}
    assert tags(checkout, "e03-0") == {"winner": "false", "rank": "none"}
    best, second = description(checkout, "e02-0"), description(checkout, "e01-0")
    assert f"**Winner**: rank 1 of 2 on mnist by `fd_judge` (12.5), grid {grid[:8]}." in best
    assert "Rank 2 of 2 on mnist by `fd_judge` (13.5)" in second
    assert "Not ranked: diverged." in description(checkout, "e03-0")


def test_the_latest_report_counts_whatever_the_order_of_logging(checkout: Checkout) -> None:
    for run in ("e01-0", "e02-0", "e03-0"):
        checkout.train(run)
    checkout.report("e01-0", "e02-0", started=STARTED + 50_000)
    checkout.sync()
    checkout.report("e02-0", "e01-0", "e03-0", started=STARTED + 40_000)  # shown later, but earlier
    checkout.sync()
    assert tags(checkout, "e01-0")["rank"] == "1"
    assert tags(checkout, "e03-0")["rank"] == "3"


def test_a_run_names_all_grids_that_it_belongs_to(checkout: Checkout) -> None:
    checkout.train("e01-0")
    checkout.train("e02-0")
    grids = [checkout.report("e01-0", "e02-0", started=STARTED + 1), checkout.report("e01-0", started=STARTED + 2)]
    checkout.sync()
    assert checkout.runs()["key-e01-0"].data.tags["grids"] == f"01234567, {grids[0][:8]}, {grids[1][:8]}"
    assert grids[0] == writers.grid_key(["key-e01-0", "key-e02-0"])


def test_a_new_evaluation_keeps_the_verdict_in_the_description(checkout: Checkout) -> None:
    checkout.whole()
    checkout.sync()
    checkout.evaluate("e01-0", value=8.0, started=STARTED + 90_000)
    checkout.sync()
    text = description(checkout, "e01-0")
    assert "| fd_judge | 8 |" in text and "**Winner**" in text


@pytest.mark.parametrize(
    ("kind", "winners", "texts"),
    [
        ("established", ["true", "false", "false"], ["**Winner**: rank 1 of 3", "Rank 2 of 3", "Rank 3 of 3"]),
        ("tie", ["tie", "tie", "false"], ["**Tie** (e01 or e02): rank 1", "**Tie** (e01 or e02): rank 2", "Rank 3"]),
        (
            "unopposed",
            ["true", "false", "false"],
            ["**Winner, unopposed**: rank 1 of 3", "Rank 2 of 3", "Rank 3 of 3"],
        ),
        ("one seed", ["undecided"] * 3, ["Winner not established from one seed: provisional rank"] * 3),
    ],
)
def test_a_run_claims_no_more_than_the_verdict(
    kind: str, winners: list[str], texts: list[str], checkout: Checkout
) -> None:
    runs = ["e01-0", "e02-0", "e03-0"]
    for run in runs:
        checkout.train(run)
    checkout.report(*runs, verdict=kind)
    checkout.sync()
    assert [tags(checkout, run)["winner"] for run in runs] == winners
    for run, text in zip(runs, texts, strict=True):
        assert text in description(checkout, run)


def test_a_failed_training_says_why_before_and_after_a_report(checkout: Checkout) -> None:
    checkout.train("e01-0", status="collapsed")
    checkout.sync()
    text = "Training collapsed: why. No report has ranked this run yet."
    assert text in description(checkout, "e01-0")
    assert tags(checkout, "e01-0") == {}
    grid = checkout.report(unranked=("e01-0",), reason="collapsed: why", verdict="none")
    checkout.sync()
    assert tags(checkout, "e01-0") == {"winner": "false", "rank": "none"}
    assert f"\nNot ranked: collapsed: why. Grid {grid[:8]}." in description(checkout, "e01-0")
    assert checkout.runs()["key-e01-0"].data.tags["status"] == "collapsed"


def test_a_copy_is_no_winner_and_no_failed_training(checkout: Checkout) -> None:
    for run in ("e01-0", "e02-0"):
        checkout.train(run)
    checkout.evaluate("e01-0", value=1.0, copied="30 of 100 samples are near-duplicates")
    checkout.sync()
    assert "\nSamples copied: 30 of 100 samples are near-duplicates. No report" in description(checkout, "e01-0")
    checkout.report("e02-0", unranked=("e01-0",), reason="copied: 30 of 100 samples are near-duplicates")
    checkout.sync()
    assert tags(checkout, "e01-0") == {"winner": "false", "rank": "none"}
    assert tags(checkout, "e02-0")["winner"] == "true"
    assert "\nNot ranked: copied: 30 of 100" in description(checkout, "e01-0")
    assert checkout.runs()["key-e01-0"].data.tags["status"] == "copied"


def test_the_saved_view_hides_what_cannot_be_ranked(checkout: Checkout) -> None:
    for run in ("e01-0", "e02-0", "e03-0"):
        checkout.train(run, status="diverged" if run == "e02-0" else "ok")
    checkout.evaluate("e01-0", value=1.0, copied="near-duplicates")
    checkout.sync()
    client = checkout.client()
    experiment = client.get_experiment_by_name(RUNS.name)
    view = json.loads(json.loads(experiment.tags["mlflow.sharedViewState.compare"])["state"])
    found = client.search_runs([experiment.experiment_id], view["searchFilter"])
    assert [run.info.run_name for run in found] == ["e03-0"]


def test_an_uncertain_rank_is_a_range_and_its_tag_the_best_one() -> None:
    place = {"rank": 2, "last_rank": 4, "experiment": "b", "runs": ["b-0", "b-1"], "mean": 20.0}
    verdict = {"kind": "established", "candidates": ["a"], "label": "a"}
    board = {"dataset": "mnist", "metric": "fd_judge", "verdict": verdict, "places": [place] * 5, "unranked": []}
    (_, shown), *_ = verdicts({"boards": [board]}, "abc")
    assert shown.text == "Rank 2–4 of 5 on mnist by `fd_judge` (20, mean of 2 seeds), grid abc."
    assert shown.tags == {"winner": "false", "rank": "2"}
    del place["last_rank"]
    (_, early), *_ = verdicts({"boards": [board]}, "abc")
    assert early.text.startswith("Rank 2 of 5"), "reports of the first versions state one rank only"
