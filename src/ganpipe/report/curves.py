"""Training curves: one chart per scalar, with all runs that recorded it in the same unit."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganpipe.compare.history import SCALAR_LABELS, Column, History, smoothed, union
from ganpipe.compare.leaderboard import Leaderboard
from ganpipe.compare.runs import Run
from ganpipe.report import style
from ganpipe.report.figures import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)))  # one per seed of an experiment
_NAMED_OTHERS = 3  # the legend names at most this many experiments without a colour of their own
_UNITS = {
    "d_real": "mean output of D",
    "d_fake_1": "mean output of D",
    "d_fake_2": "mean output of D",
    "acc_real": "fraction classified correctly",
    "acc_fake": "fraction classified correctly",
    "sharpness": "variance of the Laplacian",
    "contrast": "RMS contrast, pixels in [0, 1]",
    "diversity": "mean pixel difference, in [0, 1]",
}
"""Scalar -> label of the y axis; the default is the name of the scalar."""


@dataclass(frozen=True)
class _Chart:
    """Content of one chart.

    slug: suffix of the file name. reference: value of real images, drawn as a dashed line.
    """

    scalar: str
    slug: str
    title: str
    unit: str
    runs: Sequence[Run]
    per_epoch: bool = False
    reference: float | None = None

    @property
    def axis(self) -> str:
        return "epoch" if self.per_epoch else "training step"


@dataclass(frozen=True)
class _Line:
    """One scalar of one run: y as recorded, trend smoothed."""

    run: Run
    x: Column
    y: Column
    trend: Column


def curves(
    board: Leaderboard, runs: Sequence[Run], histories: Mapping[str, History], order: Sequence[str], folder: Path
) -> list[Figure]:
    """Draw one chart per recorded scalar with all experiments, except losses: one chart per objective.

    order: all experiments, the best first; the position selects the colour.
    """
    with style.chart_style():
        return [_draw(chart, board, histories, order, folder) for chart in _charts(runs, histories)]


def _charts(runs: Sequence[Run], histories: Mapping[str, History]) -> list[_Chart]:
    """Return the charts of scalars recorded per step, then of those recorded per epoch."""
    charts = []
    for name in union(histories[run.name].scalars() for run in runs):
        recorded = [run for run in runs if name in histories[run.name].scalars()]
        if not name.startswith("loss"):
            charts.append(_Chart(name, name, _title(name), _UNITS.get(name, name), recorded))
            continue
        objectives = {run.name: _objective(run) for run in recorded}
        for objective in dict.fromkeys(objectives.values()):
            same_unit = [run for run in recorded if objectives[run.name] == objective]
            label = objective.replace("_", " ")
            title = f"{_title(name)}: {label}"
            charts.append(_Chart(name, f"{name}-{objective}", title, f"loss ({label})", same_unit))
    for name in union(histories[run.name].scalars_per_epoch() for run in runs):
        recorded = [run for run in runs if name in histories[run.name].scalars_per_epoch()]
        title = f"{_title(name)} of the fixed-noise samples"
        unit = _UNITS.get(name, name)
        charts.append(_Chart(name, name, title, unit, recorded, per_epoch=True, reference=_floor(name, runs)))
    return charts


def _objective(run: Run) -> str:
    """Return the objective that a loss is measured with: losses of different objectives have different units."""
    return str(run.plan["train"].get("loss", run.plan["train"]["method"]))


def _floor(metric: str, runs: Sequence[Run]) -> float | None:
    """Return the metric's value for held-out real images."""
    metrics = (run.score.metrics.get(metric) for run in runs)
    return next((metric.floor for metric in metrics if metric is not None), None)


def _title(scalar: str) -> str:
    name = SCALAR_LABELS.get(scalar, scalar.replace("_", " "))
    return name[:1].upper() + name[1:]


def _line(chart: _Chart, run: Run, history: History) -> _Line:
    table, index = (history.epochs, "epoch") if chart.per_epoch else (history.steps, "step")
    y = table[chart.scalar]
    return _Line(run, table[index], y, y if chart.per_epoch else smoothed(y))


def _limits(lines: Sequence[_Line]) -> tuple[float, float] | None:
    """Return the range of the successful runs without outliers, so that a diverging run cannot flatten the rest."""
    successful = [line for line in lines if line.run.score.status == "ok"] or lines
    values = np.concatenate([line.trend for line in successful])
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.percentile(values, [0.5, 99.5])
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


def _draw(
    chart: _Chart, board: Leaderboard, histories: Mapping[str, History], order: Sequence[str], folder: Path
) -> Figure:
    """Draw one chart; the seeds of an experiment share its colour and have different dashes."""
    from matplotlib.figure import Figure as Canvas

    ordered = sorted(chart.runs, key=lambda run: (order.index(run.experiment), run.score.seed))
    lines = [_line(chart, run, histories[run.name]) for run in ordered]
    coloured = list(dict.fromkeys(run.experiment for run in ordered if style.has_colour(order.index(run.experiment))))
    canvas = Canvas(figsize=(4.0, 2.7 + 0.16 * -(-(len(coloured) + 2) // 2)), layout="constrained")
    axes = canvas.add_subplot()
    _plot(axes, lines, order)
    _format_axes(axes, chart, _limits(lines))
    canvas.legend(loc="outside lower left", ncols=2, handlelength=1.6, columnspacing=1.2)
    path = folder / f"curve-{board.dataset}-{chart.slug}.png"
    style.save(canvas, path)
    return Figure(path, chart.title, _alt(chart, [line for line in lines if line.run.experiment in coloured], lines))


def _plot(axes: "Axes", lines: Sequence[_Line], order: Sequence[str]) -> None:
    seeds = sorted({line.run.score.seed for line in lines})
    labelled: set[str] = set()
    others = {line.run.experiment for line in lines if not style.has_colour(order.index(line.run.experiment))}
    others_label = ", ".join(sorted(others)) if len(others) <= _NAMED_OTHERS else f"{len(others)} others"
    for line in lines:
        index = order.index(line.run.experiment)
        colour, dash = style.colour(index), _DASHES[seeds.index(line.run.score.seed) % len(_DASHES)]
        status = line.run.score.status
        label = line.run.experiment if status == "ok" else f"{line.run.experiment} ({status})"
        if line.run.experiment in others:
            label = others_label
            axes.plot(line.x, line.trend, color=colour, lw=0.8, zorder=2, label=None if label in labelled else label)
        else:
            axes.plot(line.x, line.y, color=colour, lw=0.5, alpha=0.2, zorder=2)
            axes.plot(line.x, line.trend, color=colour, ls=dash, marker="o" if len(line.x) == 1 else None, ms=4,
                      zorder=4 - index / len(order), label=None if label in labelled else label)  # fmt: skip
        labelled.add(label)


def _format_axes(axes: "Axes", chart: _Chart, limits: tuple[float, float] | None) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    if limits is not None:
        low, high = limits
        if chart.reference is not None:
            low, high = min(low, chart.reference * 0.97), max(high, chart.reference * 1.03)
            axes.axhline(chart.reference, color=style.INK, lw=1, ls=(0, (4, 3)), label="real images")
        axes.set_ylim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=(1, 2, 5, 10)))
    if not chart.per_epoch:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.set_title(chart.title)
    axes.set_xlabel(chart.axis)
    axes.set_ylabel(chart.unit)


def _alt(chart: _Chart, named: Sequence[_Line], lines: Sequence[_Line]) -> str:
    ends = ", ".join(_last_value(line) for line in named)
    others = f", and {len(lines) - len(named)} more" if len(lines) > len(named) else ""
    real = f" Dashed line: real held-out images, {chart.reference:.3g}." if chart.reference is not None else ""
    return f"Line chart of {chart.title}, {chart.unit}, over the {chart.axis}. Last values: {ends}{others}.{real}"


def _last_value(line: _Line) -> str:
    finite = [value for value in line.trend if math.isfinite(value)]
    return f"{line.run.name} {finite[-1]:.3g}" if finite else f"{line.run.name} none"
