import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ganpipe.records import writers
from ganpipe.records.run_environment import RunEnvironment
from ganpipe.records.store import load
from ganpipe.records.writers import Winner
from ganpipe.sampling.selection import GeneratorSelection

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


def test_a_training_is_recorded_with_all_model_files_and_only_its_own_settings(tmp_path: Path) -> None:
    model = write(tmp_path / "m", status__json='{"status": "diverged", "reason": "why"}', history__csv="step\n1\n")
    write(model / "progress", one__png="1")
    (model / ".gitignore").touch()
    writers.write_training(
        tmp_path, "k", writers.training_part(PLAN, "f", "g", RunEnvironment(1)), model, {"seconds": 2.0}
    )
    part = load(tmp_path, "k").parts["train"]
    assert set(part.files) == {"status.json", "history.csv", "progress/one.png", "plan.yaml"}
    assert part.settings == {"experiment": "e", "seed": 0, "train": PLAN["train"]}
    assert (part.labels["status"], part.labels["reason"], part.labels["fingerprint"]) == ("diverged", "why", "f")


def test_changed_sampling_settings_leave_the_training_part_unchanged(tmp_path: Path) -> None:
    model = write(tmp_path / "m", status__json='{"status": "ok", "reason": ""}')
    digests = []
    for count in (10, 20):
        plan = {**PLAN, "sample": {"count": count}, "title": f"E {count}"}
        writers.write_training(tmp_path, "k", writers.training_part(plan, "f", "g", RunEnvironment()), model)
        digests.append(load(tmp_path, "k").parts["train"].digest)
    assert digests[0] == digests[1]


def test_sample_arrays_are_not_recorded(tmp_path: Path) -> None:
    samples = write(tmp_path / "s", status__json='{"status": "ok", "reason": ""}', images__npy="x", grid__png="x")
    writers.write_samples(tmp_path, "k", PLAN, samples, RunEnvironment(1))
    assert set(load(tmp_path, "k").parts["sample"].files) == {"status.json", "grid.png"}


def test_chosen_generator_is_recorded_with_its_samples(tmp_path: Path) -> None:
    selection = GeneratorSelection(2, "fd_judge", 2000, 500, (1, 2, 3), (9.0, 3.0, 4.0))
    samples = write(
        tmp_path / "s", status__json='{"status": "ok", "reason": ""}', selection__json=json.dumps(asdict(selection)),
        generator__safetensors="x", model__json="{}",
    )  # fmt: skip
    writers.write_samples(tmp_path, "k", PLAN, samples, RunEnvironment(1))
    part = load(tmp_path, "k").parts["sample"]
    assert set(part.files) == {"status.json", "selection.json", "generator.safetensors", "model.json"}
    assert part.labels["sampled_epoch"] == "2"
    assert part.labels["generator"].startswith("after epoch 2 of 3, selected among 3 by fd_judge = 3 on 500 training")


def test_an_evaluation_is_recorded_with_its_finite_values_and_ratios(tmp_path: Path) -> None:
    metrics = {"fid": {"value": 2.0, "ratio": None}, "sharpness": {"value": 3, "ratio": 0.5}, "odd": {"value": None}}
    record = {"status": "ok", "reason": "", "metrics": metrics, "protocols": {"p": {}}}
    write(tmp_path, score__json=json.dumps(record))
    writers.write_evaluation(tmp_path, "k", PLAN, tmp_path / "score.json", RunEnvironment(1))
    part = load(tmp_path, "k").parts["evaluate"]
    assert part.numbers == {"fid": 2.0, "sharpness": 3.0, "sharpness_ratio": 0.5}


def test_every_version_of_a_dataset_has_its_own_record(tmp_path: Path) -> None:
    def record(text: str) -> str:
        files = {"dataset.json": write(tmp_path / "d", dataset__json=text) / "dataset.json"}
        return writers.write_data_stage(tmp_path, "prepare", "mnist", files, {"size": 28}, {}, RunEnvironment())

    first = record("1")
    assert record("2") != first
    assert record("1") == first


def test_the_grid_key_does_not_depend_on_the_order_of_runs() -> None:
    assert writers.grid_key(["b", "a"]) == writers.grid_key(["a", "b"]) != writers.grid_key(["a"])


@pytest.mark.parametrize("winner", [None, Winner("e-0", "k", "fid", 2.0, "lower", "p")])
def test_the_report_record_names_the_winner(tmp_path: Path, winner: Winner | None) -> None:
    folder = write(tmp_path / "report", report__html="<p>")
    key = writers.write_report(tmp_path, folder, {"e-0": "k"}, {}, winner, RunEnvironment(1))
    record = load(tmp_path, key)
    assert (key, record.kind) == (writers.grid_key(["k"]), "grid")
    assert ("winner.json" in record.parts["report"].files) == (winner is not None)
    assert record.parts["report"].labels["winner"] == (winner.run if winner else "none")
