"""Recording of the workspace's stage outputs, whether a stage has just written them or DVC restored them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganpipe.common import checkout
from ganpipe.compare.runs import counted_plans
from ganpipe.data.dataset import DESCRIPTION
from ganpipe.plan import layout
from ganpipe.records import writers
from ganpipe.records.run_environment import RunEnvironment
from ganpipe.records.store import Part, load
from ganpipe.records.writers import Winner
from ganpipe.sampling.description import GIVEN_IMAGES

RUN_STAGES = ("train", "sample", "evaluate")
DATA_STAGES = ("fetch", "prepare", "judge", "reference")
DECISIVE = ("established", "unopposed")
"""Kinds of `compare.leaderboard.Verdict` that name a single winner."""


def record_outputs(stage: str, name: str, environment: RunEnvironment) -> str:
    """Record the outputs of a stage and return the record's key. name: the stage's run or dataset."""
    if stage == "compare":
        return _record_report(environment)
    if stage in DATA_STAGES:
        return _record_data(stage, name, environment)
    root, plan, key = checkout.root(), layout.run_plan(name), layout.run_inputs(name)["key"]
    if stage == "train":
        part = planned_training_part(name, environment)
        writers.write_training(root, key, part, layout.MODELS / name, environment.costs)
    elif stage == "sample":
        writers.write_samples(root, key, plan, layout.SAMPLES / name, environment)
    else:
        writers.write_evaluation(root, key, plan, layout.SCORES / f"{name}.json", environment)
    return str(key)


def planned_training_part(run: str, environment: RunEnvironment) -> Part:
    """Return the part with which a training of the plan starts."""
    inputs = layout.run_inputs(run)
    grid = writers.grid_key(layout.run_inputs(planned)["key"] for planned in layout.planned_runs())
    return writers.training_part(layout.run_plan(run), inputs["data"]["fingerprint"], grid, environment)


def record_missing() -> list[str]:
    """Record the workspace's outputs that have no record, for example those DVC restored from its cache."""
    recorded = []
    for run in layout.planned_runs():
        outputs = {
            "train": layout.MODELS / run,
            "sample": layout.SAMPLES / run,
            "evaluate": layout.SCORES / f"{run}.json",
        }
        known = load(checkout.root(), layout.run_inputs(run)["key"]).parts
        for stage in RUN_STAGES:
            if outputs[stage].exists() and stage not in known:
                recorded.append(record_outputs(stage, run, RunEnvironment()))
    if _report_is_current() and not load(checkout.root(), writers.grid_key(_keys().values())).parts:
        recorded.append(_record_report(RunEnvironment()))
    return recorded


def _report_is_current() -> bool:
    """Return whether the report covers the planned runs that count; it may be older than the plan."""
    ranking = layout.OUT / "report" / "ranking.json"
    return ranking.exists() and _read(ranking)["chains"].keys() == counted_plans(layout.OUT).keys()


def _record_data(stage: str, dataset: str, environment: RunEnvironment) -> str:
    plan = layout.dataset_plan(dataset)
    folder = layout.OUT / {"fetch": "raw", "prepare": "prepared"}.get(stage, stage) / dataset
    documents = {path.name: path for path in sorted(folder.glob("*.json"))}
    numbers = dict(_numbers(stage, {name: _read(path) for name, path in documents.items()}))
    settings = plan["evaluate" if stage == "reference" else stage]
    return writers.write_data_stage(checkout.root(), stage, dataset, documents, settings, numbers, environment)


def _numbers(stage: str, documents: dict[str, Any]) -> Iterator[tuple[str, float]]:
    for document in documents.values():
        if stage == "prepare":
            yield from ((f"{split}_images", count) for split, count in document["counts"].items())
        elif stage == "judge":
            yield "accuracy", document["accuracy"]
        elif stage == "reference":
            for bound in ("floor", "ceiling"):
                yield from ((f"{bound}/{metric}", value) for metric, value in document[bound].items())


def _record_report(environment: RunEnvironment) -> str:
    folder = layout.OUT / "report"
    ranking = _read(folder / "ranking.json")
    datasets = {board["dataset"]: _credits(board["dataset"]) for board in ranking["boards"]}
    return writers.write_report(checkout.root(), folder, _keys(), datasets, _winner(ranking), environment)


def _credits(dataset: str) -> dict[str, str]:
    """Return title, licence and citation of a prepared dataset."""
    description = _read(layout.PREPARED / dataset / DESCRIPTION)
    return {name: description[name] for name in ("title", "licence", "citation")}


def _winner(ranking: dict[str, Any]) -> Winner | None:
    """Return the best run of the winning experiment, for the first dataset whose verdict names a single one.

    A tie, or a ranking from one seed, has no winner: its first place may change with the next seed. Images made
    elsewhere cannot win either: without a generator there is nothing to register.
    """
    for board in ranking["boards"]:
        if board["verdict"]["kind"] not in DECISIVE:
            continue
        for first in board["places"][:1]:
            run = first["best_run"]
            if (layout.MODELS / run / GIVEN_IMAGES).exists():
                continue
            value = first["values"][first["runs"].index(run)]
            direction = "higher" if board["direction"] == "higher" else "lower"
            # |ln ratio| has another scale than the metric itself, which another report may rank.
            protocol = f"{board['protocol']}-ratio" if board["direction"] == "real" else board["protocol"]
            return Winner(run, _keys()[run], board["metric"], value, direction, protocol)  # type: ignore[arg-type]
    return None


def _keys() -> dict[str, str]:
    return {run: layout.run_inputs(run)["key"] for run in layout.planned_runs()}


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
