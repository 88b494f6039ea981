"""One look for all charts: colours that colour-blind readers can distinguish, plain axes, reproducible bytes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ganpipe.common.atomic import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito (2008), without yellow, which is too pale for a line on white."""

OTHERS = "#b4b4b4"
"""Shared by all experiments after the first len(COLOURS)."""

INK = "#333333"
QUIET = "#8a8a8a"
FAINT = "#d9d9d9"

DPI = 144


def colour_indices(experiments: Sequence[str]) -> dict[str, int]:
    """Return experiment -> index into COLOURS, for the first len(COLOURS) experiments."""
    return {name: index for index, name in enumerate(experiments) if has_colour(index)}


def has_colour(index: int) -> bool:
    """Return whether the experiment at this index of the order has its own colour."""
    return index < len(COLOURS)


def colour(index: int) -> str:
    """Return the colour of the experiment at this index of the order."""
    return COLOURS[index] if has_colour(index) else OTHERS


@contextmanager
def chart_style() -> Iterator[None]:
    """Apply the chart style; the font is matplotlib's own, so that all machines render the same bytes."""
    import matplotlib as mpl

    settings = {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 10,
        "axes.labelcolor": INK,
        "axes.edgecolor": QUIET,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
        "text.color": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "lines.linewidth": 1.5,
        "lines.solid_capstyle": "round",
        "legend.fontsize": 8,
        "legend.frameon": False,
        "figure.facecolor": "white",
        "axes.facecolor": "white",
        "axes.unicode_minus": True,
    }
    with mpl.rc_context(rc={**mpl.rcParamsDefault, **settings, "backend": "agg"}):
        yield


def save(figure: "Figure", path: Path) -> None:
    """Write a PNG file without the version and date that matplotlib would add."""
    with atomic_file(path) as part:
        figure.savefig(part, format="png", dpi=DPI, metadata={"Software": None})
