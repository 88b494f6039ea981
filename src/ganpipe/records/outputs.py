"""Files what a stage has left in the workspace: the same for one that has just ended and for restored outputs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganpipe.common import checkout
from ganpipe.plan import layout
from ganpipe.records import writers
from ganpipe.records.store import Part, load
from ganpipe.records.writers import RunEnvironment, Winner

RUN_STAGES = ("train", "sample", "evaluate")
DATA_STAGES = ("fetch", "prepare", "judge", "reference")


def file_outputs(stage: str, name: str, circumstances: RunEnvironment) -> str:
    """File the outputs of a stage (`name`: its run or dataset) and return the key of the record."""
    if stage == "compare":
        return _file_report(circumstances)
    if stage in DATA_STAGES:
        return _file_data(stage, name, circumstances)
    root, plan, key = checkout.root(), layout.run_plan(name), layout.run_inputs(name)["key"]
    if stage == "train":
        writers.training(root, key, training_part(name, circumstances), layout.MODELS / name, circumstances.costs)
    elif stage == "sample":
        writers.sampling(root, key, plan, layout.SAMPLES / name, circumstances)
    else:
        writers.evaluation(root, key, plan, layout.SCORES / f"{name}.json", circumstances)
    return str(key)


def training_part(run: str, circumstances: RunEnvironment) -> Part:
    """What a training of the plan files when it begins."""
    inputs = layout.run_inputs(run)
    grid = writers.grid_key(layout.run_inputs(planned)["key"] for planned in layout.planned_runs())
    return writers.train_part(layout.run_plan(run), inputs["data"]["fingerprint"], grid, circumstances)


def file_missing() -> list[str]:
    """File the outputs in the workspace that no record holds, as when DVC restored them from its cache."""
    filed = []
    for run in layout.planned_runs():
        present = {
            "train": layout.MODELS / run,
            "sample": layout.SAMPLES / run,
            "evaluate": layout.SCORES / f"{run}.json",
        }
        known = load(checkout.root(), layout.run_inputs(run)["key"]).parts
        for stage in RUN_STAGES:
            if present[stage].exists() and stage not in known:
                filed.append(file_outputs(stage, run, RunEnvironment()))
    if _report_is_current() and not load(checkout.root(), writers.grid_key(_keys().values())).parts:
        filed.append(_file_report(RunEnvironment()))
    return filed


def _report_is_current() -> bool:
    """A report may be older than the plan; it is filed only for the grid that it speaks of."""
    ranking = layout.OUT / "report" / "ranking.json"
    return ranking.exists() and _read(ranking)["chains"].keys() == _keys().keys()


def _file_data(stage: str, dataset: str, circumstances: RunEnvironment) -> str:
    plan = layout.dataset_plan(dataset)
    folder = layout.OUT / {"fetch": "raw", "prepare": "prepared"}.get(stage, stage) / dataset
    documents = {path.name: path for path in sorted(folder.glob("*.json"))}
    numbers = dict(_numbers(stage, {name: _read(path) for name, path in documents.items()}))
    settings = plan["evaluate" if stage == "reference" else stage]
    return writers.data_stage(checkout.root(), stage, dataset, documents, settings, numbers, circumstances)


def _numbers(stage: str, documents: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for document in documents.values():
        if stage == "prepare":
            yield from ((f"{split}_images", count) for split, count in document["counts"].items())
        elif stage == "judge":
            yield "accuracy", document["accuracy"]
        elif stage == "reference":
            for bound in ("floor", "ceiling"):
                yield from ((f"{bound}/{metric}", value) for metric, value in document[bound].items())


def _file_report(circumstances: RunEnvironment) -> str:
    folder = layout.OUT / "report"
    return writers.report(checkout.root(), folder, _keys(), _winner(_read(folder / "ranking.json")), circumstances)


def _winner(ranking: dict[str, Any]) -> Winner | None:
    """The best run of the winning experiment, with the number that decided; of the first dataset that has one."""
    for board in ranking["boards"]:
        for first in board["places"][:1]:
            run = first["best_run"]
            value = first["values"][first["runs"].index(run)]
            direction = "higher" if board["direction"] == "higher" else "lower"
            return Winner(run, _keys()[run], board["metric"], value, direction, board["protocol"])  # type: ignore[arg-type]
    return None


def _keys() -> dict[str, str]:
    return {run: layout.run_inputs(run)["key"] for run in layout.planned_runs()}


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
