"""Curves of the training: one chart per scalar with all runs in it, or one per experiment when there are many."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganpipe.compare import style, wording
from ganpipe.compare.figures import Figure
from ganpipe.compare.history import History, union
from ganpipe.compare.ranking import Board
from ganpipe.compare.runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)))  # seeds of one experiment


@dataclass(frozen=True)
class _Chart:
    """Scalars that belong together.

    reference: the metric whose value for real images is drawn as a line, if the records have it.
    """

    slug: str
    title: str
    scalars: tuple[str, ...]
    unit: str
    per_epoch: bool = False
    reference: str | None = None


_KNOWN = (
    _Chart("loss", "Loss", ("loss_d", "loss_g"), "loss (unit of the objective)"),
    _Chart("output", "Output of the discriminator", ("d_real", "d_fake_1", "d_fake_2"), "mean output of D"),
    _Chart("accuracy", "Accuracy of the discriminator", ("acc_real", "acc_fake"), "fraction judged rightly"),
)


def curves(
    board: Board, runs: Sequence[Run], histories: Mapping[str, History], order: Sequence[str], folder: Path
) -> list[Figure]:
    """Draw every scalar that was recorded: overlaid for a few experiments, side by side for many.

    order: the experiments, the best first; their place gives their colour.
    """
    present = [run for run in runs if len(histories[run.name].steps.get("step", ()))]
    if not present:
        return []
    figures = []
    with style.charts():
        for chart in _charts([histories[run.name] for run in present]):
            if len(order) > style.OVERLAY:
                figures.append(_small_multiples(chart, board, present, histories, order, folder))
            else:
                figures += [_overlay(chart, name, board, present, histories, order, folder) for name in chart.scalars]
    return figures


def _charts(histories: Sequence[History]) -> list[_Chart]:
    """The known groups of scalars that were recorded, then each other scalar by itself."""
    steps = union(history.scalars() for history in histories)
    epochs = union(history.scalars_per_epoch() for history in histories)
    charts = []
    grouped: set[str] = set()
    for known in _KNOWN:
        present = tuple(name for name in known.scalars if name in steps)
        if present:
            charts.append(replace(known, scalars=present))
            grouped |= set(present)
    charts += [_Chart(name, _label(name), (name,), name) for name in steps if name not in grouped]
    charts += [
        _Chart(name, f"{_label(name)} of the fixed-noise samples", (name,), name, per_epoch=True, reference=name)
        for name in epochs
    ]
    return charts


def _label(scalar: str) -> str:
    name = wording.SCALARS.get(scalar, scalar.replace("_", " "))
    return name[:1].upper() + name[1:]


def _line(chart: _Chart, scalar: str, history: History) -> tuple[Any, Any]:
    table, index = (history.epochs, "epoch") if chart.per_epoch else (history.steps, "step")
    # A run that diverged in its first epoch has no epochs to show.
    return (table[index], table[scalar]) if {index, scalar} <= table.keys() else ((), ())


def _limits(lines: Sequence[tuple[Any, Any]]) -> tuple[float, float] | None:
    """The range that holds nearly all points, so that a run on its way to infinity does not flatten the others."""
    values = np.concatenate([np.asarray(y, dtype=float) for _, y in lines])
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    low, high = np.percentile(values, [0.5, 99.5])
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return float(low - margin), float(high + margin)


def _sound(runs: Sequence[Run]) -> Sequence[Run]:
    return [run for run in runs if run.score.status == "ok"] or runs


def _reference(chart: _Chart, runs: Sequence[Run]) -> float | None:
    """The real held-out images' value of the metric that a per-epoch curve follows."""
    if chart.reference is None:
        return None
    metrics = (run.score.metrics.get(chart.reference) for run in runs)
    return next((metric.floor for metric in metrics if metric is not None), None)


def _dress(axes: "Axes", chart: _Chart, limits: tuple[float, float] | None, reference: float | None) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    if limits is not None:
        low, high = limits
        if reference is not None:
            low, high = min(low, reference * 0.97), max(high, reference * 1.03)
            axes.axhline(reference, color=style.INK, lw=1, ls=(0, (4, 3)), label="real images")
        axes.set_ylim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if not chart.per_epoch:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))


def _x_label(chart: _Chart) -> str:
    return "epoch" if chart.per_epoch else "training step"


def _overlay(
    chart: _Chart, scalar: str, board: Board, runs: Sequence[Run], histories: Mapping[str, History],
    order: Sequence[str], folder: Path,
) -> Figure:  # fmt: skip
    """One chart of one scalar with all runs; seeds of an experiment share its colour and differ in dashes."""
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(5.2, 3.0 + 0.09 * (len(order) + 1)), layout="constrained")
    axes = canvas.add_subplot()
    seeds = sorted({run.score.seed for run in runs})
    for run in sorted(runs, key=lambda run: (order.index(run.experiment), run.score.seed)):
        x, y = _line(chart, scalar, histories[run.name])
        place, dash = order.index(run.experiment), _DASHES[seeds.index(run.score.seed) % len(_DASHES)]
        name = run.experiment if run.score.status == "ok" else f"{run.experiment} ({run.score.status})"
        axes.plot(x, y, color=style.COLOURS[place], ls=dash, marker="o" if len(x) == 1 else None, ms=4,
                  zorder=3 - place / len(order), label=name if run.score.seed == seeds[0] else None)  # fmt: skip
    reference = _reference(chart, runs)
    _dress(axes, chart, _limits([_line(chart, scalar, histories[run.name]) for run in _sound(runs)]), reference)
    title = _label(scalar) if len(chart.scalars) > 1 else chart.title
    axes.set_title(title)
    axes.set_xlabel(_x_label(chart))
    axes.set_ylabel(chart.unit)
    canvas.legend(loc="outside lower left", ncols=2, handlelength=1.6, columnspacing=1.2)
    path = folder / f"curve-{board.dataset}-{scalar}.png"
    style.save(canvas, path)
    ends = ", ".join(_end(run.name, _line(chart, scalar, histories[run.name])[1]) for run in runs)
    real = f" Dashed line: real held-out images, {reference:.3g}." if reference is not None else ""
    return Figure(path, title, f"Line chart of {chart.unit} over the {_x_label(chart)}. At the end: {ends}.{real}")


def _end(name: str, values: Any) -> str:
    finite = [value for value in values if math.isfinite(value)]
    return f"{name} {finite[-1]:.3g}" if finite else f"{name} none"


def _small_multiples(
    chart: _Chart, board: Board, runs: Sequence[Run], histories: Mapping[str, History],
    order: Sequence[str], folder: Path,
) -> Figure:  # fmt: skip
    """One small chart per experiment on shared axes, with the scalars of the group as its lines."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.lines import Line2D

    shown = [name for name in order if any(run.experiment == name for run in runs)]
    columns = 4
    rows = -(-len(shown) // columns)
    canvas = Canvas(figsize=(8.4, 0.7 + 1.45 * rows), layout="constrained")
    grid = canvas.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    lines = [_line(chart, name, histories[run.name]) for run in _sound(runs) for name in chart.scalars]
    limits, reference = _limits(lines), _reference(chart, runs)
    for axes, experiment in zip(grid, shown, strict=False):
        for colour, scalar in zip(style.COLOURS, chart.scalars, strict=False):
            for run in (run for run in runs if run.experiment == experiment):
                axes.plot(*_line(chart, scalar, histories[run.name]), color=colour, lw=1)
        _dress(axes, chart, limits, reference)
        axes.set_title(experiment, fontsize=7.5, pad=4)
    for axes in grid[max(len(shown) - columns, 0) : len(shown)]:
        axes.tick_params(labelbottom=True)  # also where the last row ends early
    for axes in grid[len(shown) :]:
        axes.set_visible(False)
    canvas.supxlabel(_x_label(chart), fontsize=9)
    canvas.supylabel(chart.unit, fontsize=9)
    if len(chart.scalars) > 1:
        handles = [Line2D([], [], color=colour) for colour in style.COLOURS[: len(chart.scalars)]]
        canvas.legend(handles, [_label(name) for name in chart.scalars], loc="outside upper left", ncols=3)
    path = folder / f"curves-{board.dataset}-{chart.slug}.png"
    style.save(canvas, path)
    alt = f"One small line chart of {chart.unit} over the {_x_label(chart)} for each of {len(shown)} experiments."
    return Figure(path, chart.title, alt, wide=True)
