"""Curves of the training: one chart per scalar, with all runs in it that have it in the same unit."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganpipe.compare.history import SCALAR_LABELS, Column, History, smoothed, union
from ganpipe.compare.ranking import Leaderboard
from ganpipe.compare.runs import Run
from ganpipe.report import style
from ganpipe.report.figures import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)))  # seeds of one experiment
_NAMED = 3  # experiments without a colour that a legend still names
_UNITS = {
    "d_real": "mean output of D",
    "d_fake_1": "mean output of D",
    "d_fake_2": "mean output of D",
    "acc_real": "fraction judged rightly",
    "acc_fake": "fraction judged rightly",
    "sharpness": "variance of the Laplacian",
    "contrast": "RMS contrast, pixels in [0, 1]",
    "diversity": "mean pixel difference, in [0, 1]",
}
"""What the axis of a scalar says; of others it says the name."""


@dataclass(frozen=True)
class _Chart:
    """What one chart shows.

    slug: end of the file's name. reference: the value for real images, drawn as a line.
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
    """The course of one scalar in one run; y as recorded, trend smoothed."""

    run: Run
    x: Column
    y: Column
    trend: Column


def curves(
    board: Leaderboard, runs: Sequence[Run], histories: Mapping[str, History], order: Sequence[str], folder: Path
) -> list[Figure]:
    """Draw every scalar that was recorded, all experiments in one chart; losses in one chart per objective.

    order: the experiments, the best first; their place gives their colour. Those without a colour are grey.
    """
    with style.charts():
        return [_draw(chart, board, histories, order, folder) for chart in _charts(runs, histories)]


def _charts(runs: Sequence[Run], histories: Mapping[str, History]) -> list[_Chart]:
    """Scalars per step, then those that are recorded only once an epoch."""
    charts = []
    for name in union(histories[run.name].scalars() for run in runs):
        holders = [run for run in runs if name in histories[run.name].scalars()]
        if not name.startswith("loss"):
            charts.append(_Chart(name, name, _label(name), _UNITS.get(name, name), holders))
            continue
        objectives = {run.name: _objective(run) for run in holders}
        for objective in dict.fromkeys(objectives.values()):
            of_kind = [run for run in holders if objectives[run.name] == objective]
            spoken = objective.replace("_", " ")
            title = f"{_label(name)}: {spoken}"
            charts.append(_Chart(name, f"{name}-{objective}", title, f"loss ({spoken})", of_kind))
    for name in union(histories[run.name].scalars_per_epoch() for run in runs):
        holders = [run for run in runs if name in histories[run.name].scalars_per_epoch()]
        title = f"{_label(name)} of the fixed-noise samples"
        unit = _UNITS.get(name, name)
        charts.append(_Chart(name, name, title, unit, holders, per_epoch=True, reference=_floor(name, runs)))
    return charts


def _objective(run: Run) -> str:
    """What a loss of the run is measured by: losses of different objectives have different units."""
    return str(run.plan["train"].get("loss", run.plan["train"]["method"]))


def _floor(metric: str, runs: Sequence[Run]) -> float | None:
    """The real held-out images' value of the metric that a per-epoch curve follows."""
    metrics = (run.score.metrics.get(metric) for run in runs)
    return next((metric.floor for metric in metrics if metric is not None), None)


def _label(scalar: str) -> str:
    name = SCALAR_LABELS.get(scalar, scalar.replace("_", " "))
    return name[:1].upper() + name[1:]


def _line(chart: _Chart, run: Run, history: History) -> _Line:
    table, index = (history.epochs, "epoch") if chart.per_epoch else (history.steps, "step")
    y = table[chart.scalar]
    return _Line(run, table[index], y, y if chart.per_epoch else smoothed(y))


def _limits(lines: Sequence[_Line]) -> tuple[float, float] | None:
    """The range that holds nearly all points, so that a run on its way to infinity does not flatten the others."""
    sound = [line for line in lines if line.run.score.status == "ok"] or lines
    values = np.concatenate([line.trend for line in sound])
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.percentile(values, [0.5, 99.5])
    margin = 0.08 * (high - low) or 0.05 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


def _draw(
    chart: _Chart, board: Leaderboard, histories: Mapping[str, History], order: Sequence[str], folder: Path
) -> Figure:
    """Draw one chart; seeds of an experiment share its colour and differ in dashes."""
    from matplotlib.figure import Figure as Canvas

    placed = sorted(chart.runs, key=lambda run: (order.index(run.experiment), run.score.seed))
    lines = [_line(chart, run, histories[run.name]) for run in placed]
    shown = list(dict.fromkeys(run.experiment for run in placed))
    named = [name for name in shown if style.has_colour(order.index(name))]
    canvas = Canvas(figsize=(4.0, 2.7 + 0.16 * -(-(len(named) + 2) // 2)), layout="constrained")
    axes = canvas.add_subplot()
    _plot(axes, lines, order)
    _dress(axes, chart, _limits(lines))
    canvas.legend(loc="outside lower left", ncols=2, handlelength=1.6, columnspacing=1.2)
    path = folder / f"curve-{board.dataset}-{chart.slug}.png"
    style.save(canvas, path)
    return Figure(path, chart.title, _alt(chart, [line for line in lines if line.run.experiment in named], lines))


def _plot(axes: "Axes", lines: Sequence[_Line], order: Sequence[str]) -> None:
    seeds = sorted({line.run.score.seed for line in lines})
    told: set[str] = set()
    others = {line.run.experiment for line in lines if not style.has_colour(order.index(line.run.experiment))}
    rest = ", ".join(sorted(others)) if len(others) <= _NAMED else f"{len(others)} others"
    for line in lines:
        place = order.index(line.run.experiment)
        colour, dash = style.colour(place), _DASHES[seeds.index(line.run.score.seed) % len(_DASHES)]
        name = (
            line.run.experiment if line.run.score.status == "ok" else f"{line.run.experiment} ({line.run.score.status})"
        )
        if line.run.experiment in others:
            name = rest
            axes.plot(line.x, line.trend, color=colour, lw=0.8, zorder=2, label=None if name in told else name)
        else:
            axes.plot(line.x, line.y, color=colour, lw=0.5, alpha=0.2, zorder=2)
            axes.plot(line.x, line.trend, color=colour, ls=dash, marker="o" if len(line.x) == 1 else None, ms=4,
                      zorder=4 - place / len(order), label=None if name in told else name)  # fmt: skip
        told.add(name)


def _dress(axes: "Axes", chart: _Chart, limits: tuple[float, float] | None) -> None:
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
    ends = ", ".join(_end(line) for line in named)
    others = f", and {len(lines) - len(named)} more" if len(lines) > len(named) else ""
    real = f" Dashed line: real held-out images, {chart.reference:.3g}." if chart.reference is not None else ""
    return f"Line chart of {chart.title}, {chart.unit}, over the {chart.axis}. At the end: {ends}{others}.{real}"


def _end(line: _Line) -> str:
    finite = [value for value in line.trend if math.isfinite(value)]
    return f"{line.run.name} {finite[-1]:.3g}" if finite else f"{line.run.name} none"
