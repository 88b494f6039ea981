"""One look for all charts: colours that colour-blind readers tell apart, quiet axes, reproducible bytes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ganpipe.common.atomic import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe & Ito (2008), without yellow, which is too pale for a line on white."""

REST = "#b4b4b4"
"""All experiments after those that have a colour."""

INK = "#333333"
QUIET = "#8a8a8a"
FAINT = "#d9d9d9"

DPI = 144


def by_place(names: Sequence[str]) -> dict[str, int]:
    """Name -> index into COLOURS, of the first names; the others have no colour."""
    return {name: place for place, name in enumerate(names) if has_colour(place)}


def has_colour(place: int) -> bool:
    """Whether the experiment at this place, from 0, is told apart from others by colour."""
    return place < len(COLOURS)


def colour(place: int) -> str:
    """The colour of the experiment at this place, from 0."""
    return COLOURS[place] if has_colour(place) else REST


@contextmanager
def charts() -> Iterator[None]:
    """Draw within this context: fonts that matplotlib brings along, so that no machine draws with its own."""
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
    """Write a figure as PNG without the version and date that matplotlib would put in."""
    with atomic_file(path) as part:
        figure.savefig(part, format="png", dpi=DPI, metadata={"Software": None})
