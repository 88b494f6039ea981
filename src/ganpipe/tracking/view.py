"""How a record looks in MLflow: parameters, metrics, tags and description, as plain values.

Training settings are parameters, named as `dvc exp run -S` names them. Settings of later stages are tags, since
they may change for one training while parameters may not. Times are the start of the part plus one millisecond per
step, so that a point logged twice is one point.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ganpipe.records.store import Part, Record

COMPARISON = "mlflow.sharedViewState.compare"
"""Tag of an experiment that MLflow lists under *Views*; `?viewStateShareKey=compare` opens it."""

_COMPARED = {
    "metrics": ("fd_judge", "precision", "recall", "class_coverage", "cost/train_seconds"),
    "params": ("train.network", "train.loss", "train.lr"),
    "tags": ("ganpipe.status", "ganpipe.document", "ganpipe.family", "ganpipe.dvc_experiment"),
}

_STAGES = ("train", "sample", "evaluate")
_NOT_SCALARS = ("step", "epoch", "images")
_FORBIDDEN = re.compile(r"[^\w. -]", re.ASCII)  # in a metric's name on every version of MLflow


def comparison() -> str:
    """The saved view of all runs without their grids, by `fd_judge`, in the form that MLflow's page writes it."""
    columns = [f"{kind}.`{name}`" for kind, names in _COMPARED.items() for name in names]
    state = {
        "searchFilter": "tags.`ganpipe.kind` = 'run'",
        "orderByKey": "metrics.`fd_judge`",
        "orderByAsc": True,
        "selectedColumns": columns,
    }
    return json.dumps({"name": "Compare runs", "createdAt": 0, "updatedAt": 0, "state": json.dumps(state)})


class Point(NamedTuple):
    """One value of a metric; `timestamp` in milliseconds since 1970."""

    key: str
    value: float
    timestamp: int
    step: int


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, empty when there is none."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def curve(rows: Iterable[Mapping[str, Any]], axis: str, prefix: str, started_ms: int) -> Iterator[Point]:
    """The scalars of all rows along their axis (step or epoch), rounded as the CSV files are."""
    for row in rows:
        position = int(row[axis])
        for name, value in row.items():
            if name not in _NOT_SCALARS and value not in ("", None):
                rounded = float(f"{float(value):.7g}")
                yield Point(f"{prefix}/{name}", rounded, started_ms + position, position)


def class_curves(rows: Iterable[Mapping[str, str]], started_ms: int) -> Iterator[Point]:
    """The curves of each class of the data, such as `class/sharpness/3`, over the epochs."""
    for row in rows:
        epoch, name = int(row["epoch"]), _FORBIDDEN.sub("_", row["class"])
        for measure, value in row.items():
            if measure not in ("epoch", "class"):
                yield Point(f"class/{measure}/{name}", float(value), started_ms + epoch, epoch)


def final_points(part: Part) -> list[Point]:
    """The numbers of a part, and what it cost, as metrics without a course."""
    costs = {f"cost/{part.name}_{name}": value for name, value in part.costs.items()}
    return [Point(name, value, part.started_ms, 0) for name, value in {**part.numbers, **costs}.items()]


def params(part: Part) -> dict[str, str]:
    """The settings that can never change for this run."""
    return _flat(part.settings) if part.name not in _STAGES[1:] else {}


def tags(part: Part) -> dict[str, str]:
    """The labels of a part, and the settings that may change for one training.

    Where and when a later stage ran stays in the record: the run's tags tell it of the training.
    """
    if part.name not in _STAGES[1:]:
        return _named(part.labels)
    told = {"status", "reason", "protocol", f"code.{part.name}"}
    labels = {name: value for name, value in part.labels.items() if name in told}
    return {**_named(labels), **_flat(part.settings)}


def _named(labels: Mapping[str, str]) -> dict[str, str]:
    known = {"mlflow.source.git.commit": labels["git_commit"]} if "git_commit" in labels else {}
    return {**known, **{f"ganpipe.{name}": value for name, value in labels.items()}}


def end_ms(record: Record) -> int:
    """When the work that gives the record its name had ended."""
    first = next(iter(record.parts.values()))
    return first.started_ms + round(1000 * first.costs.get("seconds", 0))


def description(record: Record, run_id: str) -> str:
    """A few lines of Markdown: status, main numbers, and the picture of the samples."""
    parts = [part for name in (*_STAGES, "report") if (part := record.parts.get(name))]
    if not parts:
        return ""
    labels = {name: value for part in parts for name, value in part.labels.items()}
    lines = [f"**{labels.get('title') or labels['run']}**", ""]
    if record.kind == "grid":
        lines += [f"Winner: {labels['winner']}. The report is among the artifacts: `report/report.html`.", ""]
        lines.append(f"Runs, also those that hang from an earlier grid: {labels['runs']}.")
    else:
        lines.append(f"Status: {labels['status']}. {labels.get('reason', '')}".strip())
    numbers = {name: value for part in parts for name, value in part.numbers.items()}
    if numbers:
        lines += ["", "| metric | value |", "|---|---|"]
        lines += [f"| {name} | {value:.4g} |" for name, value in numbers.items()]
    if "sample" in record.parts and "grid.png" in record.parts["sample"].files:
        lines += ["", f"![25 samples](get-artifact?path=sample%2Fgrid.png&run_uuid={run_id})"]
    return "\n".join(lines)


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value if isinstance(value, str) else json.dumps(value)
    return flat
