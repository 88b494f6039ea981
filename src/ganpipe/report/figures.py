"""Figures of the report with their texts, and the ranking chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganpipe.common.formatting import percent, ranks
from ganpipe.compare.leaderboard import Leaderboard, RankedExperiment
from ganpipe.report import style
from ganpipe.report.ranking_table import format_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LOGARITHMIC = 20  # the axis is logarithmic if the largest value is more than this many times the smallest
_MARGIN = 0.08  # of the range of the axis, on both sides


@dataclass(frozen=True)
class Figure:
    """A PNG file with its title and its alternative text for readers who cannot see it."""

    path: Path
    title: str
    alt: str


def ranking_chart(board: Leaderboard, folder: Path, confidence: float) -> Figure:
    """Draw every seed, the mean and its confidence interval of each ranked experiment, between floor and ceiling."""
    from matplotlib.figure import Figure as Canvas

    axis = axis_label(board)
    references = [
        (value, name) for value, name in ((board.floor, "real images"), (board.ceiling, "noise")) if value is not None
    ]
    values = [value for place in board.places for value in (*place.values, place.mean)]
    values += [value for value, _ in references]
    logarithmic = min(values) > 0 and max(values) > _LOGARITHMIC * min(values)
    with style.chart_style():
        canvas = Canvas(figsize=(3.9, 0.9 + 0.36 * len(board.places)), layout="constrained")
        axes = canvas.add_subplot()
        for row, place in enumerate(board.places):
            _plot_experiment(axes, row, place)
        _format_axes(axes, board, values, logarithmic)
        for value, name in references:
            axes.axvline(value, color=style.INK, lw=1, ls=(0, (4, 3)), zorder=1)
            axes.annotate(name, (value, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
                          ha="center", va="bottom", fontsize=8)  # fmt: skip
        axis += ", logarithmic scale" if logarithmic else ""
        axes.set_xlabel(axis)
        path = folder / f"ranking-{board.dataset}.png"
        style.save(canvas, path)
    return Figure(path, _legend(board, confidence), _alt(board, axis, references))


def _plot_experiment(axes: "Axes", row: int, place: RankedExperiment) -> None:
    """Draw mean and interval of an experiment, and its seeds below them if there are several."""
    colour = style.colour(row)
    if place.interval is not None:
        axes.plot(place.interval, [row, row], color=colour, alpha=0.3, lw=9, solid_capstyle="butt", zorder=2)
    axes.plot([place.mean], [row], "o", ms=5.5, color=colour, zorder=3)
    if len(place.values) > 1:
        below = [row + 0.3] * len(place.values)
        axes.plot(place.values, below, "o", ms=3.5, mfc="none", mec=colour, mew=0.9, zorder=3)


def _format_axes(axes: "Axes", board: Leaderboard, values: Sequence[float], logarithmic: bool) -> None:
    """Set the axes; the range covers the values, and intervals that are much wider are cut off."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = min(values), max(values)
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_locator(NullLocator())
        margin = (high / low) ** _MARGIN
        axes.set_xlim(low / margin, high * margin)
    else:
        margin = _MARGIN * (high - low) or 0.05 * abs(high) or 1.0
        axes.set_xlim(low - margin, high + margin)
    labels = [f"{ranks(place.rank, place.last_rank)}  {place.experiment}" for place in board.places]
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(board.places) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _legend(board: Leaderboard, confidence: float) -> str:
    seeds = (
        f"Large dots: means. Bars: {percent(confidence)} confidence intervals. Small circles: training seeds. "
        if any(place.interval for place in board.places)
        else ""
    )
    uncertain = any(place.rank < place.last_rank for place in board.places)
    ranges = "A range of ranks: the seeds do not distinguish the experiment from all others. " if uncertain else ""
    return f"{seeds}{ranges}Dashed lines: held-out real images and noise."


def _alt(board: Leaderboard, axis: str, references: Sequence[tuple[float, str]]) -> str:
    means = ", ".join(
        f"{place.experiment} {place.mean:.4g}{f' ({format_interval(place.interval)})' if place.interval else ''}"
        for place in board.places
    )
    lines = "".join(f"; {name} at {value:.4g}" for value, name in references)
    return f"Dot chart of {axis}: {means}{lines}."


def axis_label(board: Leaderboard) -> str:
    """Return the name of the ranked quantity and, if known, which direction is better."""
    if board.direction is None:
        return board.metric
    if board.direction == "real":
        return f"{board.metric}, |ln(ratio to real data)| (lower is better)"
    return f"{board.metric} ({board.direction} is better)"
