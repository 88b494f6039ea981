"""Writers of record parts: from a stage's plan and outputs to one part on disk.

The same functions record a stage that has just ended and outputs that DVC restored from its cache.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from ganpipe.common.hashing import digest, file_digest
from ganpipe.records.run_environment import RunEnvironment
from ganpipe.records.store import Part, write_part
from ganpipe.sampling.description import SNAPSHOTS, STATUS
from ganpipe.sampling.selection import load_selection


@dataclass(frozen=True)
class Winner:
    """The best run of a report, with a number that can be compared with that of other reports.

    direction: whether a lower or a higher value is better (for a metric that should be close to the real data's, give
    the distance from it). protocol: digest of how the value was measured.
    """

    run: str
    key: str
    metric: str
    value: float
    direction: Literal["lower", "higher"]
    protocol: str


def grid_key(run_keys: Iterable[str]) -> str:
    """Return the key of a grid: the digest of its runs' keys, independent of their order."""
    return digest(sorted(run_keys))


def training_part(plan: Mapping[str, Any], fingerprint: str, grid: str, environment: RunEnvironment) -> Part:
    """Return the part of a training that starts: settings and labels, no results yet.

    fingerprint: of the prepared data. grid: key of the grid that the run belongs to.
    """
    train, seed = plan["train"], plan["seed"]
    return Part(
        name="train",
        kind="run",
        started_ms=environment.started_ms,
        settings={"experiment": plan["experiment"], "seed": seed, "train": train},
        labels={
            **environment.labels,
            **{name: str(plan[name]) for name in ("run", "experiment", "seed", "document", "title")},
            "dataset": train["dataset"],
            "family": train["method"],
            "fingerprint": fingerprint,
            "plan_hash": digest({"train": train, "code": plan["code"]["train"]}),
            "code.train": plan["code"]["train"],
            "grid": grid,
        },
    )


def write_training(root: Path, key: str, part: Part, model: Path, costs: Mapping[str, float] | None = None) -> None:
    """Record a training that has ended: weights, curves, sample grids per epoch and status.

    Arrays and the generators of earlier epochs stay in DVC only.
    """
    labels = {**part.labels, **_status(model / STATUS)}
    settings = {"plan.yaml": yaml.safe_dump(part.settings, sort_keys=True)}
    ended = replace(part, labels=labels, costs=dict(costs or {}))
    write_part(root, key, ended, {**_without_arrays(_files(model)), **settings})


def write_samples(root: Path, key: str, plan: Mapping[str, Any], samples: Path, environment: RunEnvironment) -> None:
    """Record a run's sample grid, status, and the generator if one was selected. The sample arrays stay in DVC only."""
    selection = load_selection(samples)
    labels = {"generator": str(selection), "sampled_epoch": str(selection.epoch)} if selection else {}
    part = _run_part("sample", plan, environment, {**_status(samples / STATUS), **labels})
    write_part(root, key, part, _without_arrays(_files(samples)))


def write_evaluation(root: Path, key: str, plan: Mapping[str, Any], score: Path, environment: RunEnvironment) -> None:
    """Record a run's scores; its numbers are every metric and, where defined, its ratio to the real data's value."""
    record = json.loads(score.read_text(encoding="utf-8"))
    numbers = {
        name + suffix: entry.get(field)
        for name, entry in record["metrics"].items()
        for field, suffix in (("value", ""), ("ratio", "_ratio"))
    }
    labels = {
        "status": record["status"],
        "reason": record["reason"],
        "protocol": digest(sorted(record["protocols"])),
    }
    part = _run_part("evaluate", plan, environment, labels)
    write_part(root, key, replace(part, numbers=_finite(numbers)), {"score.json": score})


def write_data_stage(
    root: Path,
    stage: str,
    dataset: str,
    files: Mapping[str, Path],
    settings: Mapping[str, Any],
    numbers: Mapping[str, float],
    environment: RunEnvironment,
) -> str:
    """Record a stage that processes a dataset (fetch, prepare, judge, reference) and return the record's key.

    The key contains a digest of the content, so that every version of a dataset has its own record.
    """
    labels = {**environment.labels, "run": f"{stage}@{dataset}", "dataset": dataset, "stage": stage}
    part = Part(
        name=stage,
        kind="stage",
        started_ms=environment.started_ms,
        settings={stage: dict(settings)},
        numbers=_finite(numbers),
        labels=labels,
        costs=dict(environment.costs),
    )
    key = f"{stage}-{dataset}-{digest([part.digest, {name: file_digest(path) for name, path in files.items()}])}"
    write_part(root, key, part, files)
    return key


def write_report(
    root: Path,
    folder: Path,
    runs: Mapping[str, str],
    datasets: Mapping[str, Mapping[str, str]],
    winner: Winner | None,
    environment: RunEnvironment,
) -> str:
    """Record the report on a grid and return the grid's key.

    runs: run name -> record key. datasets: name -> title, licence and citation.
    """
    key = grid_key(runs.values())
    names = {"run": f"grid-{key[:8]}", "runs": ", ".join(sorted(runs)), "winner": winner.run if winner else "none"}
    part = Part(
        name="report",
        kind="grid",
        started_ms=environment.started_ms,
        numbers=_finite({winner.metric: winner.value}) if winner else {},
        labels={**environment.labels, **names},
        costs=dict(environment.costs),
    )
    texts = {
        "runs.json": json.dumps(dict(sorted(runs.items())), indent=1),
        "datasets.json": json.dumps(datasets, indent=1, sort_keys=True),
    }
    if winner:
        texts["winner.json"] = json.dumps(asdict(winner), indent=1)
    write_part(root, key, part, {**_files(folder), **texts})
    return key


def _run_part(name: str, plan: Mapping[str, Any], environment: RunEnvironment, labels: Mapping[str, str]) -> Part:
    return Part(
        name=name,
        kind="run",
        started_ms=environment.started_ms,
        settings={name: plan[name]},
        labels={**environment.labels, "run": plan["run"], f"code.{name}": plan["code"][name], **labels},
        costs=dict(environment.costs),
    )


def _without_arrays(files: Mapping[str, Path]) -> dict[str, Path]:
    return {
        name: path for name, path in files.items() if path.suffix != ".npy" and not name.startswith(f"{SNAPSHOTS}/")
    }


def _files(folder: Path) -> dict[str, Path]:
    """Return every file of a stage's output by its relative path, without the hidden files that DVC adds."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _status(path: Path) -> dict[str, str]:
    status = json.loads(path.read_text(encoding="utf-8"))
    return {"status": status["status"], "reason": status["reason"]}


def _finite(numbers: Mapping[str, float | None]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items() if value is not None and math.isfinite(value)}
