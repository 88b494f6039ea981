"""Section on models that are trained separately for each class (document 001): summary, grid, curves, class panels."""

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
"""Grade, lowest quality, largest deviation of a ratio from 1."""
WORST = "Needs Improvement"

_PIXEL_METRICS = ("sharpness", "contrast", "diversity")
_LOSSES = {"loss_d": "loss of D", "loss_g": "loss of G", "smoothed_loss_g": "loss of G, smoothed"}
_RATIOS = {metric: metric for metric in _PIXEL_METRICS}
_COLUMNS = 5
_SAMPLES = 10
_TILE = 48

Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class PerClassSection:
    """Results of one run, class by class. panels: real images next to generated ones at a few epochs."""

    run: str
    summary: Table
    grid: Figure | None
    curves: Sequence[Figure]
    panels: Sequence[Figure]


def per_class_section(run: Run, figures: Path) -> PerClassSection | None:
    """Draw the figures of a run into `figures`; None if it is not a per-class run or completed no epoch.

    Raises UserError if its tables cannot be read.
    """
    classes = _read_classes(run.model / "classes.csv")
    if not classes:
        return None
    real = _read_classes(run.model / "real_classes.csv")
    ratios = {
        name: {metric: columns[metric] / max(real[name][metric][0], 1e-9) for metric in _PIXEL_METRICS}
        for name, columns in classes.items()
    }
    with style.chart_style():
        curves = [
            _chart("Losses", "losses", _LOSSES, "loss", classes, classes, None, run, figures),
            _chart(
                "Generated relative to real",
                "measures",
                _RATIOS,
                "generated / real",
                classes,
                ratios,
                1.0,
                run,
                figures,
            ),
        ]
    return PerClassSection(run.name, _summary(classes, ratios), _grid(run, figures), curves, _panels(run, figures))


def grade(quality: float, ratios: Sequence[float]) -> str:
    """Return the grade of a class.

    quality: exp(-excess) in [0, 1], where excess is the amount by which the smoothed generator loss exceeds its value
    at equilibrium. ratios: generated / real for each pixel metric. Excellent: quality at least 0.3 and every ratio
    within 0.1 of 1. Good: at least 0.15 and within 0.25. Otherwise: Needs Improvement. The document names the grades
    but gives no rule; this rule requires both, because a low loss can also mean a weak discriminator.
    """
    deviation = max(abs(ratio - 1) for ratio in ratios)
    return next((name for name, lowest, largest in GRADES if quality >= lowest and deviation <= largest), WORST)


def _read_classes(path: Path) -> dict[str, Columns]:
    """Return class -> column -> values in file order; empty if the file does not exist."""
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
        raise UserError(f"{path}: not a table of classes ({error}). Delete it and run `dvc repro`.") from error
    return {name: {key: np.array(values) for key, values in columns.items()} for name, columns in found.items()}


def _summary(classes: Mapping[str, Columns], ratios: Mapping[str, Columns]) -> Table:
    rows = []
    for name, columns in classes.items():
        last = {metric: float(ratios[name][metric][-1]) for metric in _PIXEL_METRICS}
        numbers = [columns[key][-1] for key in (*_LOSSES, "quality")]
        cells = [formatting.number(float(value)) for value in numbers]
        cells += [
            f"{formatting.number(float(columns[metric][-1]))} ({formatting.number(last[metric], 2)})"
            for metric in _PIXEL_METRICS
        ]
        rows.append(Row(name, tuple(map(Cell, (*cells, grade(float(columns["quality"][-1]), list(last.values())))))))
    (first, first_quality, first_deviation), (second, second_quality, second_deviation) = GRADES
    return Table(
        "After the last epoch, by class",
        (*_LOSSES.values(), "quality", *(f"{metric} (÷ real)" for metric in _PIXEL_METRICS), "grade"),
        tuple(rows),
        (
            "Quality is exp(-e), where e is the amount by which the smoothed loss of G exceeds its value at "
            "equilibrium, where D cannot distinguish real from generated images: 1 is equilibrium, near 0 D wins. The "
            "loss is smoothed over epochs with weight 0.3. "
            f"{first}: quality at least {first_quality:g} and every metric within {first_deviation:.0%} of the real "
            f"images of the class. {second}: {second_quality:g} and {second_deviation:.0%}. Otherwise: {WORST}. "
            "Losses say little about image quality: look at the images too.",
        ),
        row_header="Class",
    )


def _grid(run: Run, figures: Path) -> Figure | None:
    """Save the first samples of every class, one row per class."""
    path = run.samples / "labels.npy"
    if not path.exists():
        return None
    labels = np.load(path, allow_pickle=False)
    images = np.load(run.samples / "images.npy", mmap_mode="r", allow_pickle=False)
    rows = [np.flatnonzero(labels == label)[:_SAMPLES] for label in np.unique(labels)]
    width = min(map(len, rows))
    target = figures / f"classes-{run.name}.png"
    shown = images[np.concatenate([row[:width] for row in rows])]
    image_grid.save_grid(shown, target, width, max(1, round(_TILE / images.shape[-1])))
    alt = f"Samples of {run.name}: {len(rows)} rows, one per class, of {width} images each, not selected."
    return Figure(target, "All classes", alt)


def _panels(run: Run, figures: Path) -> list[Figure]:
    """Copy the first, the middle and the last class panel."""
    found = sorted((run.model / "panels").glob("epoch-*.png"))
    panels = []
    for source in dict.fromkeys(found[index] for index in (0, len(found) // 2, -1) if found):
        path = figures / f"panel-{run.name}-{source.stem.removeprefix('epoch-')}.png"
        with atomic_file(path) as part:
            shutil.copyfile(source, part)
        epoch = int(source.stem.removeprefix("epoch-"))
        alt = f"One row per class after epoch {epoch} of {run.name}: real images on the left, generated on the right."
        panels.append(Figure(path, f"Epoch {epoch}", alt))
    return panels


def _chart(
    title: str, slug: str, lines: Mapping[str, str], unit: str, classes: Mapping[str, Columns],
    values: Mapping[str, Columns], reference: float | None, run: Run, figures: Path,
) -> Figure:  # fmt: skip
    """Draw one small chart per class on shared axes."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    rows = -(-len(classes) // _COLUMNS)
    canvas = Canvas(figsize=(8.4, 0.8 + 1.5 * rows), layout="constrained")
    grid: NDArray[Any] = canvas.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (name, columns) in zip(grid, classes.items(), strict=False):
        for colour, line in zip(style.COLOURS, lines, strict=False):
            marker = "o" if len(columns["epoch"]) == 1 else None
            axes.plot(columns["epoch"], values[name][line], color=colour, lw=1.2, marker=marker, ms=3)
        if reference is not None:
            axes.axhline(reference, color=style.INK, lw=0.8, ls=(0, (4, 3)))
        axes.set_title(name, fontsize=8, pad=4)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    for axes in grid[max(len(classes) - _COLUMNS, 0) : len(classes)]:
        axes.tick_params(labelbottom=True)  # needed above the gaps of an incomplete last row
    for axes in grid[len(classes) :]:
        axes.set_visible(False)
    canvas.supxlabel("epoch", fontsize=9)
    canvas.supylabel(unit, fontsize=9)
    handles = [Line2D([], [], color=colour) for colour, _ in zip(style.COLOURS, lines, strict=False)]
    canvas.legend(handles, list(lines.values()), loc="outside upper left", ncols=3)
    path = figures / f"classes-{run.name}-{slug}.png"
    style.save(canvas, path)
    names = ", ".join(lines.values())
    alt = f"One small line chart over the epochs for each of {len(classes)} classes of {run.name}: {names}."
    return Figure(path, title, alt)
