"""Curves of a training as MLflow metrics, thinned so that a run writes at most 10,000 points.

A curve keeps the minimum and the maximum of every bin of rows, so that peaks survive, and the last row. The bins depend
only on the planned length of the training: points logged live are exactly those of a later `sync`. The complete
history stays on disk and is an artifact of the run.
"""

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganpipe.records.store import Part

POINTS_PER_CURVE = 1000
_STEP_BUDGET, _EPOCH_BUDGET, _CLASS_BUDGET = 5000, 1500, 1500
"""Points of all curves over steps, over epochs, and of single classes; the remaining 2,000 are for final metrics and
system metrics."""

_INDEX = ("step", "epoch", "images")
_LOSSES = re.compile(r"loss.*|reconstruction|divergence|penalty")
_FORBIDDEN = re.compile(r"[^\w. -]", re.ASCII)  # not allowed in metric names by all versions of MLflow

Row = Mapping[str, Any]


class Point(NamedTuple):
    """One value of a metric; `timestamp` in milliseconds since 1970."""

    key: str
    value: float
    timestamp: int
    step: int


class ThinnedCurves:
    """The curves of a table whose rows arrive in order. A row that has been added before is ignored."""

    def __init__(self, axis: str, width: int, started_ms: int, key: Callable[[str], str]) -> None:
        """Create empty curves.

        axis: the column that counts the rows from 1, `step` or `epoch`. width: rows per bin. key: metric name of a
        column. The timestamp of a point is `started_ms` plus one millisecond per row, so that a point that is logged
        again is the same point.
        """
        self._axis, self._width, self._started_ms, self._key = axis, width, started_ms, key
        self._position = 0
        self._bin: dict[str, list[float]] = {}  # column -> lowest value, its row, highest value, its row
        self._last: dict[str, float] = {}
        self._returned: set[Point] = set()  # points of the bin before

    def add(self, rows: Iterable[Row]) -> list[Point]:
        """Add rows and return the points of the bins that they complete."""
        points = []
        for row in rows:
            position = int(row[self._axis])
            if position <= self._position:
                continue
            if (position - 1) // self._width != (self._position - 1) // self._width:
                points += self._close_bin()  # the previous bin lacks its last row
            self._position = position
            self._add(row)
            if position % self._width == 0:
                points += self._close_bin()
        return points

    def finish(self) -> list[Point]:
        """Return the points of the last, incomplete bin and of the last row."""
        last = {self._point(column, value, self._position) for column, value in self._last.items()} - self._returned
        return _sorted({*self._close_bin(), *last})

    def _add(self, row: Row) -> None:
        self._last = {}
        for column, value in row.items():
            if column in _INDEX or value in ("", None):
                continue
            number = float(f"{float(value):.7g}")  # as the CSV files are rounded
            if not math.isfinite(number):
                continue  # MLflow would draw infinity as 1.8e308 and flatten the rest of the curve
            self._last[column] = number
            extremes = self._bin.get(column)
            if extremes is None:
                self._bin[column] = [number, self._position, number, self._position]
            elif number < extremes[0]:
                extremes[:2] = number, self._position
            elif number > extremes[2]:
                extremes[2:] = number, self._position

    def _close_bin(self) -> list[Point]:
        points = set()
        for column, (low, low_row, high, high_row) in self._bin.items():
            points |= {self._point(column, low, int(low_row)), self._point(column, high, int(high_row))}
        self._bin, self._returned = {}, points
        return _sorted(points)

    def _point(self, column: str, value: float, row: int) -> Point:
        return Point(self._key(column), value, self._started_ms + row, row)


def _sorted(points: Iterable[Point]) -> list[Point]:
    return sorted(points, key=lambda point: (point.step, point.key))


class TrainingCurves:
    """The curves of one training: the scalars of its steps, and what was measured after each epoch."""

    def __init__(self, part: Part) -> None:
        """Create empty curves for the part of a training, whose settings contain the planned number of epochs."""
        self._part = part
        self._tables: tuple[ThinnedCurves, ThinnedCurves] | None = None
        self._scalars: frozenset[str] = frozenset()

    def add(self, history: Sequence[Row], epochs: Sequence[Row]) -> list[Point]:
        """Add rows of history.csv and epochs.csv, and return the points that are final.

        The first call must contain all steps of the first epoch.
        """
        if not history and self._tables is None:
            return []
        steps, by_epoch = self._tables or self._create(history, epochs)
        # The means of the scalars over an epoch repeat the curves over steps.
        measured = [{name: value for name, value in row.items() if name not in self._scalars} for row in epochs]
        return steps.add(history) + by_epoch.add(measured)

    def finish(self) -> list[Point]:
        """Return the points that remain at the end of the training."""
        return [point for table in self._tables or () for point in table.finish()]

    def _create(self, history: Sequence[Row], epochs: Sequence[Row]) -> tuple[ThinnedCurves, ThinnedCurves]:
        self._scalars = frozenset(history[0]) - set(_INDEX)
        first_epoch = sum(int(row["epoch"]) == 1 for row in history)
        planned = int(self._part.settings["train"].get("epochs") or history[-1]["epoch"])
        measures = len(epochs[0].keys() - self._scalars) - 1 if epochs else 1
        started = self._part.started_ms
        self._tables = (
            ThinnedCurves(
                "step", _width(first_epoch * planned, _STEP_BUDGET, len(self._scalars)), started, step_metric
            ),
            ThinnedCurves("epoch", _width(planned, _EPOCH_BUDGET, measures), started, "eval_by_epoch/{}".format),
        )
        return self._tables


def step_metric(column: str) -> str:
    """Return the metric name of a scalar of history.csv: losses in one section, what else was monitored in another."""
    return f"{'loss' if _LOSSES.fullmatch(column) else 'monitor'}/{column}"


def class_curves(rows: Sequence[Row], started_ms: int) -> list[Point]:
    """Return the curves of every class over the epochs, named like `per_class/sharpness/3`.

    With so many classes that a curve would have less than three points, there are none: see the artifact classes.csv.
    """
    tables: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        tables.setdefault(_FORBIDDEN.sub("_", row["class"]), []).append({k: v for k, v in row.items() if k != "class"})
    curves = sum(len(table[0]) - 1 for table in tables.values())
    if not curves or _CLASS_BUDGET // curves < 3:
        return []
    points = []
    for name, table in tables.items():
        width = _width(int(table[-1]["epoch"]), _CLASS_BUDGET, curves)
        curve = ThinnedCurves("epoch", width, started_ms, lambda column, name=name: f"per_class/{column}/{name}")  # type: ignore[misc]
        points += [*curve.add(table), *curve.finish()]
    return points


def quality_points(score: Path, started_ms: int) -> list[Point]:
    """Return the curve of the deciding metric over the epochs, from a score record; none if it has no curve."""
    curve = json.loads(score.read_text(encoding="utf-8")).get("curve")
    if curve is None:
        return []
    key = f"eval_by_epoch/{curve['metric']}"
    pairs = zip(curve["epochs"], curve["values"], strict=True)
    return [Point(key, value, started_ms + epoch, epoch) for epoch, value in pairs]


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file; none if it does not exist."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _width(rows: int, budget: int, curves: int) -> int:
    """Return how many rows form a bin, given that a bin yields two points and the last row one more."""
    limit = min(POINTS_PER_CURVE, budget // max(curves, 1))
    return 1 if rows <= limit else math.ceil(rows / max((limit - 1) // 2, 1))
