"""Figures of the report with their texts, and the ranking chart."""

from dataclasses import dataclass
from pathlib import Path

from ganpipe.compare.leaderboard import Leaderboard
from ganpipe.report import style


@dataclass(frozen=True)
class Figure:
    """A PNG file with its title and its alternative text for readers who cannot see it."""

    path: Path
    title: str
    alt: str


def ranking_chart(board: Leaderboard, folder: Path) -> Figure:
    """Draw the mean and the seeds of every ranked experiment between floor and ceiling."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    ranked = board.places
    axis = axis_label(board)
    references = [
        (value, name) for value, name in ((board.floor, "real images"), (board.ceiling, "noise")) if value is not None
    ]
    several_seeds = any(len(experiment.values) > 1 for experiment in ranked)
    with style.chart_style():
        canvas = Canvas(figsize=(3.9, 0.9 + 0.3 * len(ranked)), layout="constrained")
        axes = canvas.add_subplot()
        for row, experiment in enumerate(ranked):
            colour = style.colour(row)
            if len(experiment.values) > 1:
                axes.plot(
                    experiment.values, [row] * len(experiment.values), "o", ms=4, mfc="none", mec=colour, zorder=2
                )
            axes.plot([experiment.mean], [row], "o", ms=8, color=colour, zorder=3)
        values = [value for experiment in ranked for value in experiment.values] + [value for value, _ in references]
        if min(values) > 0 and max(values) > 20 * min(values):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
            axis += ", logarithmic scale"
        for value, name in references:
            axes.axvline(value, color=style.INK, lw=1, ls=(0, (4, 3)), zorder=1)
            axes.annotate(name, (value, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
                          ha="center", va="bottom", fontsize=8)  # fmt: skip
        axes.set_yticks(range(len(ranked)), [f"{experiment.rank}  {experiment.experiment}" for experiment in ranked])
        axes.set_ylim(len(ranked) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.06)
        axes.set_xlabel(axis)
        path = folder / f"ranking-{board.dataset}.png"
        style.save(canvas, path)
    means = ", ".join(f"{experiment.experiment} {experiment.mean:.4g}" for experiment in ranked)
    lines = "".join(f"; {name} at {value:.4g}" for value, name in references)
    seeds = "Large dots: means over the seeds. Small circles: single seeds. " if several_seeds else ""
    legend = f"{seeds}Dashed lines: held-out real images and noise."
    return Figure(path, legend, f"Dot chart of {axis}: {means}{lines}.")


def axis_label(board: Leaderboard) -> str:
    """Return the name of the ranked quantity and, if known, which direction is better."""
    if board.direction is None:
        return board.metric
    if board.direction == "real":
        return f"{board.metric}, |ln(ratio to real data)| (lower is better)"
    return f"{board.metric} ({board.direction} is better)"
