"""Tables of losses, costs and settings, as plain cells that the templates render."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganpipe.common import formatting
from ganpipe.compare.history import SCALAR_LABELS, History, union
from ganpipe.compare.runs import Run, train_settings

Experiments = Mapping[str, Sequence[Run]]
"""Experiment -> its runs, one per seed; the best experiment first."""

COSTS = {"parameters": "parameters of G", "multiply_adds": "multiply-adds per image"}
"""Metrics that measure a cost -> column heading."""

_TRAINING_LENGTHS = {"steps": "training steps", "epochs": "epochs", "images": "training images seen"}


@dataclass(frozen=True)
class Cell:
    """One cell; `best` marks the best value of its column."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A row and its heading; `css_class` is `run`, `failed` or `reference` (real images, noise)."""

    heading: str
    cells: tuple[Cell, ...]
    css_class: str = "run"


@dataclass(frozen=True)
class Table:
    """A table.

    notes: paragraphs below the table. row_header: heading of the column of row headings. definitions: term -> meaning,
    for terms that the columns use.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    row_header: str = "Experiment"
    definitions: Mapping[str, str] = field(default_factory=dict)


def has_failed_run(runs: Sequence[Run]) -> bool:
    """Return whether any seed of an experiment diverged, collapsed or saturated."""
    return any(run.score.status != "ok" for run in runs)


def row_class(runs: Sequence[Run]) -> str:
    """Return the CSS class of an experiment's row."""
    return "failed" if has_failed_run(runs) else "run"


def loss_table(experiments: Experiments, histories: Mapping[str, History]) -> Table | None:
    """Return every training scalar as its mean over the last epoch; None if no run completed an epoch."""
    last = {name: history.last_epoch() for name, history in histories.items()}
    recorded = union(last[run.name] for runs in experiments.values() for run in runs)
    if not recorded:
        return None
    return Table(
        "Losses",
        tuple(SCALAR_LABELS.get(key, key) for key in recorded),
        _rows(experiments, last, recorded),
        (
            "Means over the last epoch. Losses of different objectives have different units: compare a loss only with "
            "losses of the same objective. A discriminator that cannot distinguish real from generated images has an "
            "accuracy of 0.5.",
        ),
    )


def cost_table(experiments: Experiments) -> Table:
    """Return the costs that do not depend on the machine."""
    costs = {run.name: _costs(run) for runs in experiments.values() for run in runs}
    columns = union(costs.values())
    return Table(
        "Cost",
        columns,
        _rows(experiments, costs, columns),
        (
            "Training times depend on the machine, so this report does not contain them: see MLflow (make ui) or run "
            "ganpipe compare.",
        ),
    )


def settings_table(experiments: Experiments) -> Table | None:
    """Return the settings in which the experiments differ; None if they differ in none."""
    flat = {name: dict(_flatten(_settings(runs[0].plan))) for name, runs in experiments.items()}
    keys = [key for key in union(flat.values()) if len({repr(settings.get(key)) for settings in flat.values()}) > 1]
    if not keys:
        return None
    rows = (Row(name, tuple(Cell(_format_setting(values.get(key))) for key in keys)) for name, values in flat.items())
    return Table("Settings that differ", tuple(keys), tuple(rows))


def _rows(
    experiments: Experiments, numbers: Mapping[str, Mapping[str, float]], columns: Sequence[str]
) -> tuple[Row, ...]:
    """Return one row per experiment; numbers: run -> column -> value, averaged over the seeds."""

    def cell(runs: Sequence[Run], column: str) -> Cell:
        return Cell(
            formatting.mean_with_spread([numbers[run.name][column] for run in runs if column in numbers[run.name]])
        )

    return tuple(
        Row(name, tuple(cell(runs, column) for column in columns), row_class(runs))
        for name, runs in experiments.items()
    )


def _costs(run: Run) -> dict[str, float]:
    """Return the measured costs of the generator and the length of the training."""
    measured = {COSTS[name]: metric.value for name, metric in run.score.metrics.items() if name in COSTS}
    status = json.loads((run.model / "status.json").read_text(encoding="utf-8"))
    return {**measured, **{heading: status[key] for key, heading in _TRAINING_LENGTHS.items()}}


def _settings(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the user sets: the plan without names, seeds and what is derived from the code."""
    train = {key: value for key, value in train_settings(plan).items() if key not in ("seed", "dataset")}
    sections = {section: dict(plan[section]) for section in ("sample", "evaluate") if section in plan}
    sections.get("sample", {}).pop("selection", None)  # repeats `evaluate`
    return {**train, **sections}


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _format_setting(value: Any) -> str:
    if value is None:
        return formatting.MISSING
    if isinstance(value, list):
        return ", ".join(map(_format_setting, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
