import json
from pathlib import Path

import pytest

from ganpipe.records import writers
from ganpipe.records.store import load
from ganpipe.records.writers import RunEnvironment, Winner

PLAN = {
    "run": "e-0",
    "experiment": "e",
    "seed": 0,
    "document": "002",
    "title": "E",
    "train": {"dataset": "mnist", "method": "gan", "lr": 0.1},
    "sample": {"count": 10},
    "evaluate": {"metrics": ["fid"]},
    "code": {"train": "1", "sample": "2", "evaluate": "3"},
}


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_training_keeps_the_whole_model_and_its_settings_alone(tmp_path: Path) -> None:
    model = write(tmp_path / "m", status__json='{"status": "diverged", "reason": "why"}', history__csv="step\n1\n")
    write(model / "progress", one__png="1")
    (model / ".gitignore").touch()
    writers.training(tmp_path, "k", writers.train_part(PLAN, "f", "g", RunEnvironment(1)), model, {"seconds": 2.0})
    part = load(tmp_path, "k").parts["train"]
    assert set(part.files) == {"status.json", "history.csv", "progress/one.png", "plan.yaml"}
    assert part.settings == {"experiment": "e", "seed": 0, "train": PLAN["train"]}
    assert (part.labels["status"], part.labels["reason"], part.labels["fingerprint"]) == ("diverged", "why", "f")


def test_a_change_of_later_settings_leaves_the_training_part_alone(tmp_path: Path) -> None:
    model = write(tmp_path / "m", status__json='{"status": "ok", "reason": ""}')
    digests = []
    for count in (10, 20):
        plan = {**PLAN, "sample": {"count": count}, "title": f"E {count}"}
        writers.training(tmp_path, "k", writers.train_part(plan, "f", "g", RunEnvironment()), model)
        digests.append(load(tmp_path, "k").parts["train"].digest)
    assert digests[0] == digests[1]


def test_samples_stay_with_dvc(tmp_path: Path) -> None:
    samples = write(tmp_path / "s", status__json='{"status": "ok", "reason": ""}', images__npy="x", grid__png="x")
    writers.sampling(tmp_path, "k", PLAN, samples, RunEnvironment(1))
    assert set(load(tmp_path, "k").parts["sample"].files) == {"status.json", "grid.png"}


def test_numbers_of_an_evaluation_are_its_finite_values_and_ratios(tmp_path: Path) -> None:
    metrics = {"fid": {"value": 2.0, "ratio": None}, "sharpness": {"value": 3, "ratio": 0.5}, "odd": {"value": None}}
    record = {"status": "ok", "reason": "", "metrics": metrics, "protocols": {"p": {}}}
    write(tmp_path, score__json=json.dumps(record))
    writers.evaluation(tmp_path, "k", PLAN, tmp_path / "score.json", RunEnvironment(1))
    part = load(tmp_path, "k").parts["evaluate"]
    assert part.numbers == {"fid": 2.0, "sharpness": 3.0, "sharpness_ratio": 0.5}


def test_each_version_of_a_dataset_has_its_record(tmp_path: Path) -> None:
    def file(text: str) -> str:
        files = {"dataset.json": write(tmp_path / "d", dataset__json=text) / "dataset.json"}
        return writers.data_stage(tmp_path, "prepare", "mnist", files, {"size": 28}, {}, RunEnvironment())

    first = file("1")
    assert file("2") != first
    assert file("1") == first


def test_grid_is_its_runs_in_any_order() -> None:
    assert writers.grid_key(["b", "a"]) == writers.grid_key(["a", "b"]) != writers.grid_key(["a"])


@pytest.mark.parametrize("winner", [None, Winner("e-0", "k", "fid", 2.0, "lower", "p")])
def test_report_names_its_winner(tmp_path: Path, winner: Winner | None) -> None:
    folder = write(tmp_path / "report", report__html="<p>")
    key = writers.report(tmp_path, folder, {"e-0": "k"}, winner, RunEnvironment(1))
    record = load(tmp_path, key)
    assert (key, record.kind) == (writers.grid_key(["k"]), "grid")
    assert ("winner.json" in record.parts["report"].files) == (winner is not None)
    assert record.parts["report"].labels["winner"] == (winner.run if winner else "none")
