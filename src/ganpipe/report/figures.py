"""A picture of the report with its words, and the chart of the ranking between floor and ceiling."""

from dataclasses import dataclass
from pathlib import Path

from ganpipe.compare.ranking import Leaderboard
from ganpipe.report import style


@dataclass(frozen=True)
class Figure:
    """A chart on disk with what a reader needs who cannot see it, and what all need to read it."""

    path: Path
    title: str
    alt: str


def ranking_chart(board: Leaderboard, folder: Path) -> Figure:
    """Draw mean and seeds of every ranked experiment between the floor and the ceiling."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    places = board.places
    unit = axis_label(board)
    with style.charts():
        canvas = Canvas(figsize=(4.6, 1.2 + 0.3 * len(places)), layout="constrained")
        axes = canvas.add_subplot()
        for row, place in enumerate(places):
            colour = style.colour(row)
            if len(place.values) > 1:
                axes.plot(place.values, [row] * len(place.values), "o", ms=4, mfc="none", mec=colour, zorder=2)
            axes.plot([place.mean], [row], "o", ms=8, color=colour, zorder=3)
        marks = [(board.floor, "real images"), (board.ceiling, "noise")]
        shown = [(value, name) for value, name in marks if value is not None]
        values = [value for place in places for value in place.values] + [value for value, _ in shown]
        if min(values) > 0 and max(values) > 20 * min(values):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_locator(NullLocator())
            unit += ", logarithmic scale"
        for value, name in shown:
            axes.axvline(value, color=style.INK, lw=1, ls=(0, (4, 3)), zorder=1)
            axes.annotate(name, (value, 1), (0, 3), xycoords=("data", "axes fraction"), textcoords="offset points",
                          ha="center", va="bottom", fontsize=8)  # fmt: skip
        axes.set_yticks(range(len(places)), [f"{place.rank}  {place.experiment}" for place in places])
        axes.set_ylim(len(places) - 0.4, -0.6)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.margins(x=0.06)
        axes.set_xlabel(unit)
        path = folder / f"ranking-{board.dataset}.png"
        style.save(canvas, path)
    order = ", ".join(f"{place.experiment} {place.mean:.4g}" for place in places)
    lines = "".join(f"; {name} at {value:.4g}" for value, name in shown)
    return Figure(path, "The ranking to scale", f"Dot chart of {unit}: {order}{lines}.")


def axis_label(board: Leaderboard) -> str:
    """The ranked number in words, with the way that is better where it is known."""
    if board.direction is None:
        return board.metric
    if board.direction == "real":
        return f"{board.metric}, |ln(ratio to real data)| (lower is better)"
    return f"{board.metric} ({board.direction} is better)"
