"""What the varied settings did: tables of their effects, a heat map of two settings, parallel coordinates of more."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ganpipe.common import formatting
from ganpipe.compare.effects import GridEffects, Interaction, MainEffect
from ganpipe.compare.leaderboard import Leaderboard, Scale
from ganpipe.compare.significance import Interval
from ganpipe.report import style
from ganpipe.report.figures import Figure, axis_label
from ganpipe.report.ranking_table import format_interval
from ganpipe.report.tables import Cell, Row, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class EffectsPanel:
    """Effects within one catalogue entry and its variations; figure is None for one varied setting."""

    base: str
    summary: Sequence[str]
    table: Table | None
    figure: Figure | None


def effects_panel(board: Leaderboard, effects: GridEffects, confidence: float, folder: Path) -> EffectsPanel:
    """Describe and draw the effects of one grid; the figure is written into the folder."""
    figure = None
    if len(effects.settings) == 2:
        figure = _heat_map(board, effects, folder)
    elif len(effects.settings) > 2:
        figure = _parallel_coordinates(board, effects, folder)
    table = effects_table(board, effects, confidence) if effects.effects else None
    return EffectsPanel(effects.base, effects_summary(effects, confidence), table, figure)


def effects_summary(effects: GridEffects, confidence: float) -> list[str]:
    """Return one sentence per setting and interaction."""
    sentences = [_main_effect_sentence(effect, confidence) for effect in effects.effects]
    sentences += [_interaction_sentence(interaction, effects.scale) for interaction in effects.interactions]
    if effects.not_estimated:
        names = ", ".join(effects.not_estimated)
        sentences.append(
            f"No effect of {names} can be stated: no combination of the other settings is ranked with every value."
        )
    return sentences


def effects_table(board: Leaderboard, effects: GridEffects, confidence: float) -> Table:
    """Return one row per value of each setting."""
    worse = "times the best value's" if effects.scale == "ratio" else "worse than the best value by"
    interval = f"{formatting.percent(confidence)} interval"
    rows = [
        Row(
            f"{effect.setting} {level.value}",
            (
                Cell(formatting.number(level.mean), best=level.behind is None),
                Cell(_interval(level.interval)),
                Cell(formatting.MISSING if level.behind is None else formatting.number(level.behind)),
                Cell(_interval(level.behind_interval)),
                Cell("yes" if level.distinct else formatting.MISSING if level.behind is None else "no"),
            ),
        )
        for effect in effects.effects
        for level in effect.levels
    ]
    return Table(
        caption=f"Effects of the settings of {effects.base} on {axis_label(board)}",
        columns=("mean", interval, worse, f"{interval}, adjusted", "distinct"),
        rows=tuple(rows),
        notes=(
            "Each mean is over the training seeds and over the experiments that agree in all other varied settings and "
            "exist with every value of this one.",
        ),
        row_header="Setting and value",
    )


def _main_effect_sentence(effect: MainEffect, confidence: float) -> str:
    best, *others = effect.levels
    if effect.established:
        return f"{effect.setting}: {best.value} is best ({formatting.percent(confidence)} confidence)."
    if best.interval is None:
        return f"{effect.setting}: {best.value} is best in one training seed, which establishes nothing."
    tied = ", ".join(level.value for level in others if not level.distinct)
    return (
        f"{effect.setting}: {best.value} has the best mean, but the training seeds do not distinguish it from {tied}."
    )


def _interaction_sentence(interaction: Interaction, scale: Scale) -> str:
    (first, second), (one, other) = interaction.settings, interaction.values
    size = (
        f"{formatting.number(interaction.effect)} times" if scale == "ratio" else formatting.number(interaction.effect)
    )
    return (
        f"{first} {one} with {second} {other}: {size} what the two settings explain separately "
        f"(interval {format_interval(interaction.interval)})."
    )


def _interval(interval: Interval | None) -> str:
    return formatting.MISSING if interval is None else format_interval(interval)


def _heat_map(board: Leaderboard, effects: GridEffects, folder: Path) -> Figure:
    from matplotlib.figure import Figure as Canvas

    first, second = (_ordered({values[axis] for values in effects.cells}) for axis in (0, 1))
    with style.chart_style():
        canvas = Canvas(figsize=(1.6 + 0.9 * len(second), 1.2 + 0.5 * len(first)), layout="constrained")
        axes = canvas.add_subplot()
        means = [[effects.cells.get((row, column), math.nan) for column in second] for row in first]
        axes.imshow(means, cmap="cividis_r" if board.direction != "higher" else "cividis", aspect="auto")
        middle = (min(effects.cells.values()) + max(effects.cells.values())) / 2
        dark_is_high = board.direction != "higher"
        for y, line in enumerate(means):
            for x, value in enumerate(line):
                dark = math.isfinite(value) and (value > middle) == dark_is_high
                text = formatting.number(value) if math.isfinite(value) else "not ranked"
                axes.text(x, y, text, ha="center", va="center", color="white" if dark else style.INK, fontsize=8)
        axes.set_xticks(range(len(second)), second)
        axes.set_yticks(range(len(first)), first)
        axes.set_xlabel(effects.settings[1])
        axes.set_ylabel(effects.settings[0])
        axes.grid(visible=False)
        path = folder / f"effects-{board.dataset}-{effects.base}.png"
        style.save(canvas, path)
    return Figure(path, f"Mean {axis_label(board)} of each combination", f"Heat map of {_cells_as_text(effects)}.")


def _parallel_coordinates(board: Leaderboard, effects: GridEffects, folder: Path) -> Figure:
    from matplotlib import colormaps
    from matplotlib.figure import Figure as Canvas

    ordered = [_ordered({values[axis] for values in effects.cells}) for axis in range(len(effects.settings))]
    low, high = min(effects.cells.values()), max(effects.cells.values())
    worst_first = sorted(effects.cells.items(), key=lambda cell: cell[1], reverse=board.direction != "higher")
    with style.chart_style():
        canvas = Canvas(figsize=(1.5 * (len(effects.settings) + 1) + 1, 3.2), layout="constrained")
        axes = canvas.add_subplot()
        for position, (values, mean) in enumerate(worst_first):
            share = position / max(len(worst_first) - 1, 1)
            heights = [_height(levels.index(value), len(levels)) for levels, value in zip(ordered, values, strict=True)]
            heights.append((mean - low) / (high - low) if high > low else 0.5)
            axes.plot(range(len(heights)), heights, color=colormaps["cividis_r"](share), lw=1 + share)
        _label_coordinates(axes, ordered, low, high)
        axes.set_xticks(range(len(ordered) + 1), [*effects.settings, board.metric])
        path = folder / f"effects-{board.dataset}-{effects.base}.png"
        style.save(canvas, path)
    title = f"Every experiment of {effects.base} as a line; the best are dark. Last axis: {axis_label(board)}"
    return Figure(path, title, f"Parallel coordinates of {_cells_as_text(effects)}.")


def _label_coordinates(axes: "Axes", ordered: Sequence[Sequence[str]], low: float, high: float) -> None:
    for x, levels in enumerate(ordered):
        axes.axvline(x, color=style.FAINT, lw=0.8, zorder=0)
        for index, level in enumerate(levels):
            axes.annotate(level, (x, _height(index, len(levels))), (3, 2), textcoords="offset points", fontsize=8)
    for height, value in ((0.0, low), (1.0, high)):
        axes.annotate(formatting.number(value), (len(ordered), height), (3, 2), textcoords="offset points", fontsize=8)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.08)


def _height(index: int, count: int) -> float:
    return index / (count - 1) if count > 1 else 0.5


def _ordered(values: set[str]) -> list[str]:
    """Return values sorted by size if all are numbers, else by name."""
    try:
        return sorted(values, key=float)
    except ValueError:
        return sorted(values)


def _cells_as_text(effects: GridEffects) -> str:
    cells = (
        f"{', '.join(f'{name} {value}' for name, value in zip(effects.settings, values, strict=True))}: {mean:.4g}"
        for values, mean in effects.cells.items()
    )
    return "; ".join(cells)
