"""What each stage files: from the pipeline's plans and outputs to the parts of a record.

The same functions serve a stage that has just ended and outputs that DVC restored from its cache; the latter
have no circumstances but the moment of filing.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import yaml

from ganpipe.common.hashing import digest, file_digest
from ganpipe.records.store import Part, file_part, now_ms


@dataclass(frozen=True)
class RunEnvironment:
    """When a stage began, labels of how it ran, and what it cost; the default is that of restored outputs."""

    started_ms: int = field(default_factory=now_ms)
    labels: Mapping[str, str] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Winner:
    """The run that a report names best, by a number that can be compared with that of other reports.

    direction says whether a lower or a higher value is better (for a metric that is best near the real data's, give
    the distance from it); protocol is the digest of how the value was measured.
    """

    run: str
    key: str
    metric: str
    value: float
    direction: Literal["lower", "higher"]
    protocol: str


def grid_key(run_keys: Iterable[str]) -> str:
    """The key of a grid: the digest of the keys of its runs, whatever their order."""
    return digest(sorted(run_keys))


def train_part(plan: Mapping[str, Any], fingerprint: str, grid: str, circumstances: RunEnvironment) -> Part:
    """The part that a training begins with: its settings and labels, no results yet.

    fingerprint is that of the prepared data, grid the key of the grid that the run belongs to.
    """
    train, seed = plan["train"], plan["seed"]
    return Part(
        name="train",
        kind="run",
        started_ms=circumstances.started_ms,
        settings={"experiment": plan["experiment"], "seed": seed, "train": train},
        labels={
            **circumstances.labels,
            **{name: str(plan[name]) for name in ("run", "experiment", "seed", "document", "title")},
            "dataset": train["dataset"],
            "family": train["method"],
            "fingerprint": fingerprint,
            "plan_hash": digest({"train": train, "code": plan["code"]["train"]}),
            "code.train": plan["code"]["train"],
            "grid": grid,
        },
    )


def training(root: Path, key: str, part: Part, model: Path, costs: Mapping[str, float] | None = None) -> None:
    """File a training that has ended: its weights, curves, progress pictures and status."""
    labels = {**part.labels, **_status(model / "status.json")}
    settings = {"plan.yaml": yaml.safe_dump(part.settings, sort_keys=True)}
    ended = replace(part, labels=labels, costs=dict(costs or {}))
    file_part(root, key, ended, {**_files(model), **settings})


def sampling(root: Path, key: str, plan: Mapping[str, Any], samples: Path, circumstances: RunEnvironment) -> None:
    """File what people look at of a run's samples: the grid and the status. The arrays stay with DVC."""
    part = _part("sample", plan, circumstances, _status(samples / "status.json"))
    kept = {name: path for name, path in _files(samples).items() if path.suffix != ".npy"}
    file_part(root, key, part, kept)


def evaluation(root: Path, key: str, plan: Mapping[str, Any], score: Path, circumstances: RunEnvironment) -> None:
    """File a run's score record; its numbers are every metric and, where there is one, its ratio to real data."""
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
    part = _part("evaluate", plan, circumstances, labels)
    file_part(root, key, replace(part, numbers=_finite(numbers)), {"score.json": score})


def data_stage(
    root: Path,
    stage: str,
    dataset: str,
    files: Mapping[str, Path],
    settings: Mapping[str, Any],
    numbers: Mapping[str, float],
    circumstances: RunEnvironment,
) -> str:
    """File a stage that works on a dataset (fetch, prepare, judge, reference); return the key of its record.

    The key holds a digest of the content, so each version of a dataset keeps a record of its own.
    """
    labels = {**circumstances.labels, "run": f"{stage}@{dataset}", "dataset": dataset, "stage": stage}
    part = Part(
        name=stage,
        kind="stage",
        started_ms=circumstances.started_ms,
        settings={stage: dict(settings)},
        numbers=_finite(numbers),
        labels=labels,
        costs=dict(circumstances.costs),
    )
    key = f"{stage}-{dataset}-{digest([part.digest, {name: file_digest(path) for name, path in files.items()}])}"
    file_part(root, key, part, files)
    return key


def report(
    root: Path, folder: Path, runs: Mapping[str, str], winner: Winner | None, circumstances: RunEnvironment
) -> str:
    """File the report on a grid and return the grid's key. runs: name of each run -> its key."""
    key = grid_key(runs.values())
    named = {"run": f"grid-{key[:8]}", "runs": ", ".join(sorted(runs)), "winner": winner.run if winner else "none"}
    part = Part(
        name="report",
        kind="grid",
        started_ms=circumstances.started_ms,
        numbers=_finite({winner.metric: winner.value}) if winner else {},
        labels={**circumstances.labels, **named},
        costs=dict(circumstances.costs),
    )
    texts = {"runs.json": json.dumps(dict(sorted(runs.items())), indent=1)}
    if winner:
        texts["winner.json"] = json.dumps(asdict(winner), indent=1)
    file_part(root, key, part, {**_files(folder), **texts})
    return key


def _part(name: str, plan: Mapping[str, Any], circumstances: RunEnvironment, labels: Mapping[str, str]) -> Part:
    named = {"run": plan["run"], f"code.{name}": plan["code"][name]}
    return Part(
        name=name,
        kind="run",
        started_ms=circumstances.started_ms,
        settings={name: plan[name]},
        labels={**circumstances.labels, **named, **labels},
        costs=dict(circumstances.costs),
    )


def _files(folder: Path) -> dict[str, Path]:
    """Every file of a stage's output by its path there, without what DVC writes beside it."""
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
