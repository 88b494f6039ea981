"""How a record is displayed in MLflow: parameters, metrics, tags, description and provenance, as plain values.

Parameters are what people group and sort by: experiment, seed, dataset and the settings of the training, named as
`dvc exp run -S` names them. Tags are what people filter by. Everything else (hashes, machine, packages, settings of
later stages) is in the artifact provenance.json.
"""

import json
from collections.abc import Mapping
from typing import Any

from ganpipe.records.store import Part, Record
from ganpipe.tracking.curves import Point

_STAGES = ("train", "sample", "evaluate")
_SHOWN_LABELS = ("dataset", "document", "dvc_experiment", "experiment", "family", "stage", "status", "winner", "runs")
_MLFLOW_TAGS = {
    "git_commit": "mlflow.source.git.commit",
    "git_dirty": "mlflow.source.git.dirty",
    "user": "mlflow.user",
}


def params(part: Part) -> dict[str, str]:
    """Return the settings that can never change for this run; MLflow does not allow to change a parameter."""
    if part.name in _STAGES[1:]:
        return {}
    flat = _flat(part.settings)
    if part.kind == "run":
        flat["dataset"] = flat.pop("train.dataset")
    return flat


def tags(part: Part) -> dict[str, str]:
    """Return the tags of a part. Where and when a later stage ran is in the provenance: the run is the training."""
    shown = {name: part.labels[name] for name in _SHOWN_LABELS if name in part.labels}
    if part.name in _STAGES[1:]:
        status = {name: text for name, text in shown.items() if name == "status"}
        epoch = {"sampled_epoch": part.labels.get("sampled_epoch", "last")} if part.name == "sample" else {}
        return status | epoch
    mlflow = {tag: part.labels[name] for name, tag in _MLFLOW_TAGS.items() if name in part.labels}
    script = {"report": "compare"}.get(part.name, part.name)
    return {**shown, **mlflow, "mlflow.source.name": f"stages/{script}.py", "mlflow.source.type": "LOCAL"}


def final_points(part: Part) -> list[Point]:
    """Return the numbers of a part and what it cost as metrics with a single point."""
    points = {number_key(part, name): value for name, value in part.numbers.items()}
    points |= {f"resources/{part.name}_{name}": value for name, value in part.costs.items()}
    return [Point(name, value, part.started_ms, 0) for name, value in points.items()]


def number_key(part: Part, name: str) -> str:
    """Return the metric name of a number; the chart page groups metrics by the text before the slash."""
    if part.kind == "stage":
        return name
    metric = name.removesuffix("_ratio")
    return f"eval_ratio/{metric}" if metric != name and metric in part.numbers else f"eval/{name}"


def end_ms(record: Record) -> int:
    """Return the end of the record's first stage, in milliseconds since 1970."""
    first = next(iter(record.parts.values()))
    return first.started_ms + round(1000 * first.costs.get("seconds", 0))


def provenance(record: Record) -> str:
    """Return where every part of a record comes from, as JSON: labels, settings, costs, and hashes of all files."""
    parts = {
        name: {
            "started_ms": part.started_ms,
            "labels": part.labels,
            "settings": part.settings,
            "costs": part.costs,
            "files": part.files,
            "digest": part.digest,
        }
        for name, part in record.parts.items()
    }
    return json.dumps({"key": record.key, "parts": parts}, indent=1, sort_keys=True)


def description(record: Record, run_id: str, verdict: str) -> str:
    """Return the text at the top of a run's page, in Markdown: verdict, sample grid, main numbers."""
    parts = list(record.parts.values())
    labels = {name: value for part in parts for name, value in part.labels.items()}
    lines = [f"**{labels.get('title') or labels['run']}**", ""]
    if record.kind == "grid":
        lines.append(f"Winner: {labels['winner']}. Report: artifact `report/report.html`. Runs: {labels['runs']}.")
    elif record.kind == "run":
        lines.append(_failure(labels, verdict) + verdict)
        if "generator" in labels:
            lines += ["", f"Sampled generator: {labels['generator']}."]
    if "grid.png" in getattr(record.parts.get("sample"), "files", {}):
        lines += ["", f"![25 samples](get-artifact?path=sample%2Fgrid.png&run_uuid={run_id})"]
    numbers = {name: value for part in parts for name, value in part.numbers.items()}
    if numbers:
        lines += ["", "| metric | value |", "|---|---|"]
        lines += [f"| {name} | {value:.4g} |" for name, value in numbers.items()]
    return "\n".join(lines)


def _failure(labels: Mapping[str, str], verdict: str) -> str:
    """Return why a run is not ranked, as a sentence; empty if it is, or if the verdict states the reason."""
    status, reason = labels["status"], labels.get("reason", "").rstrip(".")
    if status == "ok" or reason in verdict:
        return ""
    return f"{'Samples' if status == 'copied' else 'Training'} {status}: {reason}. "


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value if isinstance(value, str) else json.dumps(value)
    return flat
