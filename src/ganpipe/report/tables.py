"""The tables of losses, costs and settings, as plain cells that the templates lay out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganpipe.common import formatting
from ganpipe.compare.history import SCALAR_LABELS, History, union
from ganpipe.compare.runs import Run

Experiments = Mapping[str, Sequence[Run]]
"""Experiment -> its runs, one per seed; the best experiment first."""

COSTS = {"parameters": "parameters of G", "multiply_adds": "multiply-adds per image"}
"""The metrics that are costs, and their headings."""

_LENGTHS = ("steps", "epochs", "images")


@dataclass(frozen=True)
class Cell:
    """One cell; `best` marks the best of its column."""

    text: str
    best: bool = False


@dataclass(frozen=True)
class Row:
    """A row with its heading; `kind` is `run`, `failed` or `reference`."""

    heading: str
    cells: tuple[Cell, ...]
    kind: str = "run"


@dataclass(frozen=True)
class Table:
    """A table; `corner` heads the column of row headings, `notes` say what it takes to read the others."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    corner: str = "Experiment"


def kind(runs: Sequence[Run]) -> str:
    """The kind of row that an experiment's runs make."""
    return "failed" if any(run.score.status != "ok" for run in runs) else "run"


def loss_table(experiments: Experiments, histories: Mapping[str, History]) -> Table | None:
    """Every scalar of the training, as its mean over the last epoch; None when no run ended an epoch."""
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
            "others of its kind. A discriminator that cannot tell real from generated has an accuracy of 0.5.",
        ),
    )


def cost_table(experiments: Experiments) -> Table:
    """What a run costs in numbers that do not depend on the machine."""
    costs = {run.name: _costs(run) for runs in experiments.values() for run in runs}
    columns = union(costs.values())
    return Table(
        "Cost",
        columns,
        _rows(experiments, costs, columns),
        (
            "Seconds and images per second depend on the machine, and the bytes of this report must not: they are in "
            "MLflow (make ui) and in the table that python -m ganpipe compare prints.",
        ),
    )


def settings_table(experiments: Experiments) -> Table | None:
    """The settings in which the experiments differ; None when there is nothing to tell apart."""
    flat = {name: dict(_flatten(_settings(runs[0].plan))) for name, runs in experiments.items()}
    keys = [key for key in union(flat.values()) if len({repr(settings.get(key)) for settings in flat.values()}) > 1]
    if not keys:
        return None
    rows = (Row(name, tuple(Cell(_setting(values.get(key))) for key in keys)) for name, values in flat.items())
    return Table("Settings that differ", tuple(keys), tuple(rows))


def _rows(
    experiments: Experiments, numbers: Mapping[str, Mapping[str, float]], columns: Sequence[str]
) -> tuple[Row, ...]:
    """One row per experiment from the numbers of its runs."""

    def cell(runs: Sequence[Run], column: str) -> Cell:
        return Cell(formatting.over_seeds([numbers[run.name][column] for run in runs if column in numbers[run.name]]))

    return tuple(
        Row(name, tuple(cell(runs, column) for column in columns), kind(runs)) for name, runs in experiments.items()
    )


def _costs(run: Run) -> dict[str, float]:
    """What the generator costs as measured, then how long the run was trained."""
    scored = {COSTS[name]: metric.value for name, metric in run.score.metrics.items() if name in COSTS}
    status = json.loads((run.model / "status.json").read_text(encoding="utf-8"))
    return {**scored, **{length: status[length] for length in _LENGTHS}}


def _settings(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What the user sets: the plan without names, seeds, and what was derived from the code."""
    train = {key: value for key, value in plan["train"].items() if key not in ("seed", "dataset")}
    return {**train, **{section: plan[section] for section in ("sample", "evaluate") if section in plan}}


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _setting(value: Any) -> str:
    if value is None:
        return formatting.NONE
    if isinstance(value, list):
        return ", ".join(map(_setting, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
