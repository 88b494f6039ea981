"""Scalars of a training per step and per epoch, reduced to what a chart can show."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.atomic import atomic_file
from ganpipe.common.errors import UserError
from ganpipe.compare.runs import Run

POINTS = 120
"""Bins over which a run's steps are averaged: enough to show the curve, few enough to suppress noise."""

SMOOTHING = 9
"""Bins in the moving average of the charts: about a thirteenth of a run."""

_INDEX = ("step", "epoch", "images")

SCALAR_LABELS = {
    "loss_d": "loss of D",
    "loss_g": "loss of G",
    "d_real": "D(x)",
    "d_fake_1": "D(G(z)) in D's step",
    "d_fake_2": "D(G(z)) in G's step",
    "acc_real": "accuracy of D on real",
    "acc_fake": "accuracy of D on generated",
}
"""Labels of the scalars of an adversarial training."""

Column = NDArray[np.float64]


@dataclass(frozen=True)
class History:
    """Scalars of one run.

    steps, epochs: column name -> values; at most POINTS of them, for steps each the mean of the finite values in one
    bin. Empty if the run ended before the first step or epoch.
    """

    steps: Mapping[str, Column]
    epochs: Mapping[str, Column]

    def scalars(self) -> tuple[str, ...]:
        """Return the names recorded at every step, in the order of the file."""
        return tuple(name for name in self.steps if name not in _INDEX)

    def scalars_per_epoch(self) -> tuple[str, ...]:
        """Return the names recorded only once per epoch."""
        return tuple(name for name in self.epochs if name not in _INDEX and name not in self.steps)

    def last_epoch(self) -> dict[str, float]:
        """Return the mean over the last epoch of each scalar that is recorded at every step, if it is finite."""
        last = {name: float(self.epochs[name][-1]) for name in self.scalars() if len(self.epochs.get(name, ()))}
        return {name: value for name, value in last.items() if np.isfinite(value)}


def read_history(run: Run) -> History:
    """Read a run's history.csv and epochs.csv; a file that a failed run did not write counts as empty."""
    steps = _read(run.model / "history.csv")
    epochs = _read(run.model / "epochs.csv")
    edges = np.linspace(0, len(steps.get("step", ())), POINTS + 1).round().astype(int)
    bins = [slice(a, b) for a, b in pairwise(edges) if b > a]
    kept = np.unique(np.linspace(0, max(len(epochs.get("epoch", ())) - 1, 0), POINTS).round().astype(int))
    return History(
        steps={
            name: np.array([values[part][-1] if name in _INDEX else _mean(values[part]) for part in bins])
            for name, values in steps.items()
        },
        epochs={name: values[kept] if len(values) else values for name, values in epochs.items()},
    )


def read_steps(run: Run) -> Mapping[str, Column]:
    """Read every step of a run's history.csv: column name -> values; empty if a failed run did not write it."""
    return _read(run.model / "history.csv")


def write_steps(histories: Mapping[str, History], path: Path) -> None:
    """Write all runs in long form: run, step, epoch, scalars; an empty cell is a scalar that the run does not have."""
    _write({name: history.steps for name, history in histories.items()}, path, leading=("step", "epoch"))


def write_epochs(histories: Mapping[str, History], path: Path) -> None:
    """Write all runs in long form: run, epoch, scalars."""
    _write({name: history.epochs for name, history in histories.items()}, path, leading=("epoch",))


def smoothed(values: Column) -> Column:
    """Return the centred moving average over SMOOTHING bins, fewer at the ends; bins without a value stay NaN."""
    if not len(values):
        return values
    known = np.isfinite(values)
    window = np.ones(min(SMOOTHING, len(values)))
    totals = np.convolve(np.where(known, values, 0.0), window, mode="same")
    counts = np.convolve(known, window, mode="same")
    return np.where(known, totals / np.maximum(counts, 1), np.nan)


def union(names: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Return all names, each once, in order of first appearance."""
    return tuple(dict.fromkeys(name for group in names for name in group))


def _read(path: Path) -> dict[str, Column]:
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            header = handle.readline().strip().split(",")
            rows = handle.read()
    except FileNotFoundError:
        return {}
    try:
        table = np.array([line.split(",") for line in rows.splitlines()], dtype=np.float64)
        table = table.reshape(-1, len(header))
    except ValueError as error:
        raise UserError(f"{path}: not a table of numbers ({error}). Delete it and run `dvc repro`.") from error
    return dict(zip(header, table.T, strict=True))


def _mean(values: Column) -> float:
    """Mean of the finite values; NaN if there is none, as in a diverged run."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else float("nan")


def _write(tables: Mapping[str, Mapping[str, Column]], path: Path, leading: tuple[str, ...]) -> None:
    scalars = [name for name in union(tables.values()) if name not in _INDEX]
    header = [*leading, *scalars]
    with atomic_file(path) as part, part.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["run", *header])
        for name, table in tables.items():
            for row in range(len(table.get(leading[0], ()))):
                writer.writerow([name, *(_cell(table[key][row]) if key in table else "" for key in header)])


def _cell(value: float) -> str:
    return f"{value:.7g}" if np.isfinite(value) else ""
