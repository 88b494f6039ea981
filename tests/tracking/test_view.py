import json

import yaml

from ganpipe.records.store import Part, Record
from ganpipe.tracking import view
from tests.conftest import REPOSITORY
from tests.tracking.conftest import STARTED, Checkout

TRAIN = Part(
    "train", "run", 1000, settings={"seed": 0, "train": {"lr": 0.1, "betas": [0.5, 0.9], "g": {"width": None}}}
)
SAMPLE = Part("sample", "run", 2000, settings={"sample": {"count": 9}}, labels={"status": "ok", "machine": "here"})


def test_training_settings_are_parameters_named_as_they_are_set() -> None:
    assert view.params(TRAIN) == {
        "seed": "0",
        "train.lr": "0.1",
        "train.betas": "[0.5, 0.9]",
        "train.g.width": "null",
    }


def test_settings_that_may_change_are_tags() -> None:
    assert view.params(SAMPLE) == {}
    assert view.tags(SAMPLE) == {"ganpipe.status": "ok", "sample.count": "9"}


def test_rows_logged_live_and_rows_read_from_csv_are_equal_points() -> None:
    live = [{"step": 3, "epoch": 1, "images": 24, "loss_g": 1 / 3, "d_real": float("inf")}]
    read = [{"step": "3", "epoch": "1", "images": "24", "loss_g": f"{1 / 3:.7g}", "d_real": "inf"}]
    points = list(view.curve(live, "step", "train", STARTED))
    assert points == list(view.curve(read, "step", "train", STARTED))
    assert points[0] == ("train/loss_g", 0.3333333, STARTED + 3, 3)


def test_empty_cells_are_no_points() -> None:
    assert list(view.curve([{"epoch": "1", "sharpness": ""}], "epoch", "epoch", 0)) == []


def test_curves_of_classes_are_named_by_measure_and_class() -> None:
    rows = [{"epoch": "2", "class": "ankle boot: old", "sharpness": "0.25", "loss_g": "1.5"}]
    assert list(view.class_curves(rows, STARTED)) == [
        ("class/sharpness/ankle boot_ old", 0.25, STARTED + 2, 2),
        ("class/loss_g/ankle boot_ old", 1.5, STARTED + 2, 2),
    ]


def test_costs_are_named_by_their_stage() -> None:
    part = Part("evaluate", "run", 7, numbers={"fid": 2.0}, costs={"seconds": 3.0})
    assert view.final_points(part) == [("fid", 2.0, 7, 0), ("cost/evaluate_seconds", 3.0, 7, 0)]


def test_description_tells_why_a_run_failed(checkout: Checkout) -> None:
    labels = {"run": "e-0", "title": "DCGAN", "status": "diverged", "reason": "The loss was not finite."}
    record = Record("k", checkout.root, {"train": Part("train", "run", 1, labels=labels)})
    text = view.description(record, "id")
    assert "Status: diverged. The loss was not finite." in text
    assert "grid.png" not in text


def test_the_saved_view_names_metrics_parameters_and_tags_that_runs_have() -> None:
    saved = json.loads(view.comparison())
    assert saved["name"] == "Compare runs"
    state = json.loads(saved["state"])
    assert state["searchFilter"] == "tags.`ganpipe.kind` = 'run'"
    assert state["orderByKey"] in state["selectedColumns"]
    params = [
        name.removeprefix("params.").strip("`") for name in state["selectedColumns"] if name.startswith("params.")
    ]
    settings = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    assert {name.removeprefix("train.") for name in params} <= settings["train"].keys()
    metrics = {name.removeprefix("metrics.").strip("`") for name in state["selectedColumns"] if "metrics." in name}
    assert {name for name in metrics if "/" not in name} <= set(settings["evaluate"]["metrics"])
