import json
from itertools import pairwise

import pytest
import yaml

from ganpipe.records.store import Part, Record
from ganpipe.tracking import view
from ganpipe.tracking.artifacts import PROGRESS_IMAGES, image_grid
from ganpipe.tracking.experiments import RUNS
from tests.conftest import REPOSITORY
from tests.tracking.conftest import Checkout

TRAIN = Part(
    "train",
    "run",
    1000,
    settings={
        "experiment": "e",
        "seed": 0,
        "train": {"dataset": "mnist", "lr": 0.1, "betas": [0.5, 0.9], "g": {"width": None}},
    },
)
SAMPLE = Part("sample", "run", 2000, settings={"sample": {"count": 9}}, labels={"status": "ok", "machine": "here"})


def test_parameters_are_seed_dataset_and_training_settings() -> None:
    assert view.params(TRAIN) == {
        "experiment": "e",
        "seed": "0",
        "dataset": "mnist",
        "train.lr": "0.1",
        "train.betas": "[0.5, 0.9]",
        "train.g.width": "null",
    }


def test_settings_of_later_stages_are_no_parameters_because_they_may_change() -> None:
    assert view.params(SAMPLE) == {}
    assert view.tags(SAMPLE) == {"status": "ok", "sampled_epoch": "last"}


def test_a_run_has_about_a_dozen_tags_and_the_source_that_mlflow_shows(checkout: Checkout) -> None:
    key = checkout.whole()
    checkout.sync()
    tags = checkout.runs()[key].data.tags
    assert {name for name in tags if not name.startswith("mlflow.")} == {
        "dataset", "document", "experiment", "family", "grids", "rank", "sampled_epoch", "status", "winner",
        "ganpipe.key", "ganpipe.state",
    }  # fmt: skip
    source = {name: text for name, text in tags.items() if name.startswith(("mlflow.source.", "mlflow.user"))}
    assert source == {
        "mlflow.source.name": "stages/train.py",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": "abc",
        "mlflow.source.git.dirty": "false",
        "mlflow.user": "me",
    }


def test_provenance_is_one_artifact_with_all_labels_settings_and_hashes(checkout: Checkout) -> None:
    key = checkout.whole()
    checkout.sync()
    path = checkout.root / "mlartifacts" / checkout.runs()[key].info.run_id / "artifacts" / "provenance.json"
    parts = json.loads(path.read_text())["parts"]
    assert parts["train"]["labels"]["machine"] == "here"
    assert parts["sample"]["settings"] == {"sample": {"count": 100, "seed": 1}}
    assert len(parts["train"]["files"]["generator.safetensors"]) == 64


def test_metrics_are_named_by_what_they_measure() -> None:
    numbers = {"sharpness": 3.0, "sharpness_ratio": 0.9, "odd_ratio": 0.5}
    part = Part("evaluate", "run", 7, numbers=numbers, costs={"seconds": 3.0})
    assert view.final_points(part) == [
        ("eval/sharpness", 3.0, 7, 0),
        ("eval_ratio/sharpness", 0.9, 7, 0),
        ("eval/odd_ratio", 0.5, 7, 0),
        ("resources/evaluate_seconds", 3.0, 7, 0),
    ]


def test_the_description_states_why_a_run_failed(checkout: Checkout) -> None:
    labels = {"run": "e-0", "title": "DCGAN", "status": "diverged", "reason": "The loss was not finite."}
    record = Record("k", checkout.root, {"train": Part("train", "run", 1, labels=labels)})
    text = view.description(record, "id", "Not ranked.")
    assert "Training diverged: The loss was not finite. Not ranked." in text
    assert "grid.png" not in text


def test_the_saved_view_uses_metrics_parameters_and_tags_that_runs_have(checkout: Checkout) -> None:
    saved = json.loads(RUNS.tags["mlflow.sharedViewState.compare"])
    assert saved["name"] == "Compare runs"
    state = json.loads(saved["state"])
    assert state["orderByKey"] in state["selectedColumns"]
    columns = [name.replace("`", "").partition(".")[::2] for name in state["selectedColumns"]]
    key = checkout.whole()
    checkout.sync()
    run = checkout.runs()[key].data
    settings = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    known = {
        "metrics": {*run.metrics, *(f"eval/{name}" for name in settings["evaluate"]["metrics"])},
        "params": {*run.params, *(f"train.{name}" for name in settings["train"])},
        "tags": {*run.tags, "dvc_experiment"},
    }
    assert not [(kind, name) for kind, name in columns if name not in known[kind]]


@pytest.mark.parametrize("epochs", [1, 2, 25, 26, 1000])
def test_the_image_grid_has_evenly_spaced_epochs_under_one_key(epochs: int) -> None:
    files = {f"progress/epoch-{epoch:04}.png": "" for epoch in range(1, epochs + 1)}
    grid = list(image_grid(Part("train", "run", 1, files=files)).values())
    assert {key for key, _ in grid} == {"progress"}
    steps = [step for _, step in grid]
    assert len(steps) == min(epochs, PROGRESS_IMAGES)
    assert (steps[0], steps[-1]) == (1, epochs)
    gaps = {later - earlier for earlier, later in pairwise(steps)}
    assert not gaps or max(gaps) - min(gaps) <= 1
