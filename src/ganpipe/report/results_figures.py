"""Pictures of the results page: samples at the documents' epochs, and curves next to printed values."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganpipe.common.atomic import atomic_file
from ganpipe.compare.claim_checks import values_at_printed
from ganpipe.compare.claims import Claim
from ganpipe.compare.history import SCALAR_LABELS, read_history
from ganpipe.compare.runs import Run
from ganpipe.report import style
from ganpipe.report.figures import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHARE_SHOWN = 0.5  # of the rows of a grid, so that the page stays small
_GAP = 12  # pixels between two grids
_COLOURS = 64  # of pictures that are not grey, so that all of them together stay below 1 MB
_LOSSES = ("loss_d", "loss_g")


def sample_strip(run: Run, epochs: Sequence[int], folder: Path) -> Figure | None:
    """Save the fixed-noise samples of some epochs side by side; None if the run completed none of them.

    epochs: epochs after the last one of the run are left out; if none remains, the last one of the run is shown.
    """
    grids = {int(path.stem.removeprefix("epoch-")): path for path in sorted((run.model / "progress").glob("*.png"))}
    if not grids:
        return None
    shown = [epoch for epoch in epochs if epoch in grids] or [max(grids)]
    sheets = [_first_rows(Image.open(grids[epoch])) for epoch in shown]
    gap = np.full((sheets[0].shape[0], _GAP, *sheets[0].shape[2:]), 255, dtype=np.uint8)
    parts = [part for sheet in sheets for part in (gap, sheet)][1:]
    image = Image.fromarray(np.concatenate(parts, axis=1))
    path = folder / f"{run.name}-samples.png"
    with atomic_file(path) as part:
        (image.quantize(_COLOURS) if image.mode == "RGB" else image).save(part, format="PNG", optimize=True)
    words = f"{'epoch' if len(shown) == 1 else 'epochs'} {', '.join(map(str, shown))}"
    title = f"`{run.name}` after {words}"
    return Figure(path, title, f"Samples of {run.name} from the same noise, left to right: {words}.")


def _first_rows(grid: Image.Image) -> NDArray[np.uint8]:
    pixels = np.asarray(grid.convert("RGB" if grid.mode == "RGB" else "L"))
    return pixels[: round(len(pixels) * _SHARE_SHOWN)]


def printed_curves(run: Run, claim: Claim, folder: Path) -> Figure:
    """Draw the losses of every epoch, and printed and observed values at the same iterations of the last epoch."""
    from matplotlib.figure import Figure as Canvas

    losses = [name for name in claim.printed if name in _LOSSES]
    outputs = [name for name in claim.printed if name not in _LOSSES]
    with style.chart_style():
        canvas = Canvas(figsize=(7.4, 2.4), layout="constrained")
        curves, last, rest = canvas.subplots(1, 3)
        epochs = read_history(run).epochs
        for index, name in enumerate(losses):
            curves.plot(epochs["epoch"], epochs[name], color=style.colour(index), lw=1.2, label=SCALAR_LABELS[name])
        curves.set_title("All epochs")
        curves.set_xlabel("epoch")
        curves.legend(fontsize=7)
        _plot_last_epoch(last, run, claim, losses, "Last epoch: losses")
        _plot_last_epoch(rest, run, claim, outputs, "Last epoch: outputs of D")
        path = folder / f"{run.name}-printed.png"
        style.save(canvas, path)
    drawn = Image.open(path).convert("RGB").quantize(_COLOURS)
    with atomic_file(path) as part:
        drawn.save(part, format="PNG", optimize=True)
    title = f"`{run.name}`: losses by epoch, and the last epoch (solid) next to the printed values (dashed)"
    return Figure(path, title, title.replace("`", ""))


def _plot_last_epoch(axes: "Axes", run: Run, claim: Claim, scalars: Sequence[str], title: str) -> None:
    options = claim.model_dump()
    for index, name in enumerate(scalars):
        printed = [np.nan if value is None else value for value in claim.printed[name]]
        observed = values_at_printed(run, name, options)
        colour = style.colour(index)
        axes.plot(range(len(printed)), printed, "o--", color=colour, mfc="none", ms=3, lw=0.8)
        axes.plot(range(len(observed)), observed, "o-", color=colour, ms=3, lw=1.2, label=SCALAR_LABELS[name])
    axes.set_title(title)
    axes.set_xlabel("epoch from the end" if claim.epoch_ends else "line of the document's log")
    axes.legend(fontsize=7)
