"""The study of models that were trained for each class apart (document 001): a summary, a grid, curves and panels."""

import csv
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganpipe.common import formatting, image_grid
from ganpipe.common.atomic import atomic_file
from ganpipe.common.errors import UserError
from ganpipe.compare.runs import Run
from ganpipe.report import style
from ganpipe.report.figures import Figure
from ganpipe.report.tables import Cell, Row, Table

GRADES = (("Excellent", 0.3, 0.1), ("Good", 0.15, 0.25))
"""Grade, least quality indicator, largest distance of each measure from real images; what misses both: WORST."""
WORST = "Needs Improvement"

_MEASURES = ("sharpness", "contrast", "diversity")
_LOSSES = {"loss_d": "loss of D", "loss_g": "loss of G", "smoothed_loss_g": "loss of G, smoothed"}
_RATIOS = {measure: measure for measure in _MEASURES}
_COLUMNS = 5
_SAMPLES = 10
_TILE = 48

Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Study:
    """What one run shows of its classes. panels: epochs with real images beside generated ones."""

    run: str
    summary: Table
    grid: Figure | None
    curves: Sequence[Figure]
    panels: Sequence[Figure]


def study(run: Run, figures: Path) -> Study | None:
    """Draw a run's study into `figures`; None for a run that has none, or that ended before its first epoch.

    Raises UserError when its tables cannot be read.
    """
    classes = _by_class(run.model / "classes.csv")
    if not classes:
        return None
    real = _by_class(run.model / "real_classes.csv")
    ratios = {
        name: {measure: columns[measure] / max(real[name][measure][0], 1e-9) for measure in _MEASURES}
        for name, columns in classes.items()
    }
    with style.charts():
        curves = [
            _chart("Losses", "losses", _LOSSES, "loss", classes, classes, None, run, figures),
            _chart(
                "Images against real ones", "measures", _RATIOS, "generated / real", classes, ratios, 1.0, run, figures
            ),
        ]
    return Study(run.name, _summary(classes, ratios), _grid(run, figures), curves, _panels(run, figures))


def grade(quality: float, ratios: Sequence[float]) -> str:
    """The grade of a class: by the quality indicator and by how near each measure comes to that of real images.

    quality: exp(-excess), in [0, 1], of the generator's smoothed loss over that of an even game. ratios: generated /
    real, of each measure. Excellent: quality at least 0.3 and every ratio within 0.1 of 1; Good: at least 0.15 and
    within 0.25; else Needs Improvement. The document names the grades and gives no rule; this one asks for both,
    since a low loss alone may also mean a weak discriminator.
    """
    furthest = max(abs(ratio - 1) for ratio in ratios)
    return next((name for name, least, most in GRADES if quality >= least and furthest <= most), WORST)


def _by_class(path: Path) -> dict[str, Columns]:
    """Class -> column -> values in the order of the file; empty when there is no file."""
    if not path.exists():
        return {}
    found: dict[str, dict[str, list[float]]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            for row in csv.DictReader(handle):
                columns = found.setdefault(row.pop("class"), {})
                for name, value in row.items():
                    columns.setdefault(name, []).append(float(value))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not a table of classes ({error}): delete it and run `dvc repro`") from error
    return {name: {key: np.array(values) for key, values in columns.items()} for name, columns in found.items()}


def _summary(classes: Mapping[str, Columns], ratios: Mapping[str, Columns]) -> Table:
    rows = []
    for name, columns in classes.items():
        last = {measure: float(ratios[name][measure][-1]) for measure in _MEASURES}
        verdict = grade(float(columns["quality"][-1]), list(last.values()))
        numbers = [columns[key][-1] for key in (*_LOSSES, "quality")]
        cells = [formatting.number(float(value)) for value in numbers]
        cells += [
            f"{formatting.number(float(columns[measure][-1]))} ({formatting.number(last[measure], 2)})"
            for measure in _MEASURES
        ]
        rows.append(Row(name, tuple(map(Cell, (*cells, verdict)))))
    (first, least, most), (second, less, more) = GRADES
    return Table(
        "After the last epoch, class by class",
        (*_LOSSES.values(), "quality", *(f"{measure} (÷ real)" for measure in _MEASURES), "grade"),
        tuple(rows),
        (
            "Quality is exp(-e), where e is how far the smoothed loss of G lies above the loss at which D cannot tell "
            "real from generated: 1 is an even game, near 0 D wins. The loss is smoothed over epochs (weight 0.3). "
            f"{first}: quality at least {least:g} and every measure within {most:.0%} of real images of the class; "
            f"{second}: {less:g} and {more:.0%}; else {WORST}. Losses alone say little of pictures: look at these too.",
        ),
        corner="Class",
    )


def _grid(run: Run, figures: Path) -> Figure | None:
    """The first samples of every class, a row each."""
    places = run.samples / "labels.npy"
    if not places.exists():
        return None
    labels = np.load(places, allow_pickle=False)
    images = np.load(run.samples / "images.npy", mmap_mode="r", allow_pickle=False)
    rows = [np.flatnonzero(labels == label)[:_SAMPLES] for label in np.unique(labels)]
    width = min(map(len, rows))
    path = figures / f"classes-{run.name}.png"
    shown = images[np.concatenate([row[:width] for row in rows])]
    image_grid.save_grid(shown, path, width, max(1, round(_TILE / images.shape[-1])))
    alt = f"Samples of {run.name}: {len(rows)} rows, one for each class, of {width} images each, not picked."
    return Figure(path, "All classes", alt)


def _panels(run: Run, figures: Path) -> list[Figure]:
    """The first panel, one from the middle, and the last."""
    found = sorted((run.model / "panels").glob("epoch-*.png"))
    shown = []
    for source in dict.fromkeys(found[place] for place in (0, len(found) // 2, -1) if found):
        path = figures / f"panel-{run.name}-{source.stem.removeprefix('epoch-')}.png"
        with atomic_file(path) as part:
            shutil.copyfile(source, part)
        epoch = int(source.stem.removeprefix("epoch-"))
        alt = f"A row for each class after epoch {epoch} of {run.name}: real images left, generated ones right."
        shown.append(Figure(path, f"Epoch {epoch}", alt))
    return shown


def _chart(
    title: str, slug: str, lines: Mapping[str, str], unit: str, classes: Mapping[str, Columns],
    values: Mapping[str, Columns], even: float | None, run: Run, figures: Path,
) -> Figure:  # fmt: skip
    """One small chart for each class on shared axes."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    rows = -(-len(classes) // _COLUMNS)
    canvas = Canvas(figsize=(8.4, 0.8 + 1.5 * rows), layout="constrained")
    grid: NDArray[Any] = canvas.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (name, columns) in zip(grid, classes.items(), strict=False):
        for colour, line in zip(style.COLOURS, lines, strict=False):
            few = "o" if len(columns["epoch"]) == 1 else None
            axes.plot(columns["epoch"], values[name][line], color=colour, lw=1.2, marker=few, ms=3)
        if even is not None:
            axes.axhline(even, color=style.INK, lw=0.8, ls=(0, (4, 3)))
        axes.set_title(name, fontsize=8, pad=4)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    for axes in grid[max(len(classes) - _COLUMNS, 0) : len(classes)]:
        axes.tick_params(labelbottom=True)  # also where the last row ends early
    for axes in grid[len(classes) :]:
        axes.set_visible(False)
    canvas.supxlabel("epoch", fontsize=9)
    canvas.supylabel(unit, fontsize=9)
    handles = [Line2D([], [], color=colour) for colour, _ in zip(style.COLOURS, lines, strict=False)]
    canvas.legend(handles, list(lines.values()), loc="outside upper left", ncols=3)
    path = figures / f"classes-{run.name}-{slug}.png"
    style.save(canvas, path)
    names = ", ".join(lines.values())
    alt = f"A small line chart over the epochs for each of {len(classes)} classes of {run.name}: {names}."
    return Figure(path, title, alt)
