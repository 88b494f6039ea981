"""Quality over training, as measured by the evaluate stage: a chart, and a table of all runs for DVC."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganpipe.common.atomic import atomic_file
from ganpipe.common.formatting import number
from ganpipe.compare.leaderboard import Leaderboard
from ganpipe.compare.runs import QualityCurve, Run
from ganpipe.report import style
from ganpipe.report.figures import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_CLEARLY = 0.1  # share of the last value
_LOGARITHMIC = 20  # the axis is logarithmic if the largest value is more than this many times the smallest


def write_quality(runs: Iterable[Run], path: Path) -> None:
    """Write the points of all runs in long form: run, metric, samples, epoch, value."""
    with atomic_file(path) as part, part.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["run", "metric", "samples", "epoch", "value"])
        for run in runs:
            if curve := run.score.curve:
                for epoch, value in zip(curve.epochs, curve.values, strict=True):
                    writer.writerow([run.name, curve.metric, curve.samples, epoch, f"{value:.7g}"])


def quality_chart(board: Leaderboard, runs: Sequence[Run], order: Sequence[str], folder: Path) -> Figure | None:
    """Draw one line per seed, in the colour of the experiment; None if no run has at least two points.

    Only curves of one metric and one number of samples share a chart: those of the first run in `order` that has some.
    order: all experiments, the best first.
    """
    from matplotlib.figure import Figure as Canvas

    ordered = sorted(runs, key=lambda run: (order.index(run.experiment), run.score.seed))
    measured = [(run, run.score.curve) for run in ordered if run.score.curve and len(run.score.curve.epochs) > 1]
    if not measured:
        return None
    first = measured[0][1]
    lines = [(run, curve) for run, curve in measured if (curve.metric, curve.samples) == (first.metric, first.samples)]
    with style.chart_style():
        canvas = Canvas(figsize=(4.6, 2.5), layout="constrained")
        axes = canvas.add_subplot()
        for run, curve in lines:
            _plot(axes, run, curve, order)
        _format_axes(axes, first.metric, lines)
        canvas.legend(loc="outside right upper", handlelength=1.6)
        path = folder / f"quality-{board.dataset}.png"
        style.save(canvas, path)
    return Figure(path, _caption(first, lines), _alt(first, lines))


def _plot(axes: "Axes", run: Run, curve: QualityCurve, order: Sequence[str]) -> None:
    index = order.index(run.experiment)
    label = run.experiment if style.has_colour(index) else "others"
    seen = axes.get_legend_handles_labels()[1]
    axes.plot(curve.epochs, curve.values, "o-", ms=3.5, lw=1.2, color=style.colour(index), alpha=0.85,
              zorder=4 - index / len(order), label=None if label in seen else label)  # fmt: skip
    selected = run.score.selection
    if selected and selected.epoch in curve.epochs:
        value = curve.values[curve.epochs.index(selected.epoch)]
        axes.plot([selected.epoch], [value], "o", ms=9, mfc="none", mec=style.colour(index), zorder=5)


def _format_axes(axes: "Axes", metric: str, lines: Sequence[tuple[Run, QualityCurve]]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    values = [value for _, curve in lines for value in curve.values]
    epochs = sorted({epoch for _, curve in lines for epoch in curve.epochs})
    if min(values) > 0 and max(values) > _LOGARITHMIC * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xscale("log", base=2)  # the epochs are powers of two
    axes.set_xticks(epochs, [str(epoch) for epoch in epochs])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_title(f"{metric} over training")
    axes.set_xlabel("epoch, logarithmic scale")
    axes.set_ylabel(metric)


def _caption(first: QualityCurve, lines: Sequence[tuple[Run, QualityCurve]]) -> str:
    caption = (
        f"Each line is one training: {first.metric} of {first.samples:,} samples after the epoch. A distance of fewer "
        "samples is larger, so the last points differ from the ranking."
    )
    selected = [run for run, _ in lines if run.score.selection]
    earlier = [text for run, curve in lines if run not in selected and (text := _better_before(run, curve))]
    if selected:
        caption += " Circles mark the generators that were selected for sampling."
    return f"{caption} Better before the end: {', '.join(earlier)}." if earlier else caption


def _better_before(run: Run, curve: QualityCurve) -> str:
    """Return the epoch in which a training was clearly better than at its end; empty if it was not."""
    direction = run.score.metrics[curve.metric].direction
    if direction == "real":
        return ""  # only the distance from real images decides, and the curve does not contain it
    best = (min if direction == "lower" else max)(curve.values)
    last = curve.values[-1]
    if abs(last - best) <= _CLEARLY * abs(last):
        return ""
    return (
        f"{run.name} after epoch {curve.epochs[curve.values.index(best)]} ({number(best)}, at the end {number(last)})"
    )


def _alt(first: QualityCurve, lines: Sequence[tuple[Run, QualityCurve]]) -> str:
    ends = ", ".join(
        f"{run.name} from {number(curve.values[0])} after epoch {curve.epochs[0]} to {number(curve.values[-1])} after "
        f"epoch {curve.epochs[-1]}"
        for run, curve in lines
    )
    return f"Line chart of {first.metric} over the epochs: {ends}."
