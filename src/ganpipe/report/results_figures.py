"""Pictures of the results page: samples at the documents' epochs, and curves next to printed values."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganpipe.common.atomic import atomic_file
from ganpipe.compare.claim_checks import values_at_printed
from ganpipe.compare.claims import Claim
from ganpipe.compare.history import SCALAR_LABELS, read_history
from ganpipe.compare.published import DocumentedRun
from ganpipe.compare.runs import Run
from ganpipe.report import style
from ganpipe.report.figures import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SHARE_SHOWN = 0.5  # of the rows of a grid, so that the page stays small
_GAP = 12  # pixels between two grids
_COLOURS = 64  # of pictures that are not grey, so that all of them together stay below 1 MB
_LOSSES = ("loss_d", "loss_g")


@dataclass(frozen=True)
class SampleStrip(Figure):
    """A picture of samples after several epochs, side by side."""

    epochs: tuple[int, ...] = ()


def sample_strip(documented: DocumentedRun, epochs: Sequence[int], folder: Path) -> SampleStrip | None:
    """Save the fixed-noise samples of some epochs side by side; None if the run completed none of them.

    epochs: epochs after the last one of the run are left out; if none remains, the last one of the run is shown. Of a
    published run the published picture is used.
    """
    run, path = documented.run, folder / "samples.png"
    if documented.shown is not None:
        source = run.model / path.name
        if not source.exists():
            return None
        if source.resolve() != path.resolve():
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)
        return _strip(path, run.name, documented.shown)
    grids = {int(path.stem.removeprefix("epoch-")): path for path in sorted((run.model / "progress").glob("*.png"))}
    if not grids:
        return None
    shown = tuple(epoch for epoch in epochs if epoch in grids) or (max(grids),)
    sheets = [_first_rows(Image.open(grids[epoch])) for epoch in shown]
    gap = np.full((sheets[0].shape[0], _GAP, *sheets[0].shape[2:]), 255, dtype=np.uint8)
    parts = [part for sheet in sheets for part in (gap, sheet)][1:]
    image = Image.fromarray(np.concatenate(parts, axis=1))
    with atomic_file(path) as part:
        (image.quantize(_COLOURS) if image.mode == "RGB" else image).save(part, format="PNG", optimize=True)
    return _strip(path, run.name, shown)


def _strip(path: Path, run: str, epochs: tuple[int, ...]) -> SampleStrip:
    words = f"{'epoch' if len(epochs) == 1 else 'epochs'} {', '.join(map(str, epochs))}"
    return SampleStrip(
        path, f"`{run}` after {words}", f"Samples of {run} from the same noise, left to right: {words}.", epochs
    )


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
        path = folder / "printed.png"
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
