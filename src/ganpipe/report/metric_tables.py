"""The tables of the metrics: image quality and classification, between real images and noise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ganpipe.common import formatting
from ganpipe.compare.history import union
from ganpipe.compare.ranking import LEAST_RATIO
from ganpipe.compare.runs import Metric, Run
from ganpipe.report.tables import COSTS, Cell, Experiments, Row, Table, kind

_ARROWS = {"lower": "↓", "higher": "↑", "real": "×\N{NO-BREAK SPACE}real"}
_CLASSIFICATION = ("class", "accuracy", "confidence", "label")
_LEGEND = (
    "↓ lower is better, ↑ higher is better, × real: the value divided by that of the real data, best near 1. "
    "The rows of real images, held out from training, and of noise show where each scale begins and ends."
)
_MIXED = "† measured by different protocols: compare these numbers only within one protocol."


def metric_tables(experiments: Experiments) -> list[Table]:
    """Image quality and classification, each left out when no run has a metric of the kind."""
    names = union(run.score.metrics for runs in experiments.values() for run in runs)
    measured = [name for name in names if name not in COSTS]
    classification = [name for name in measured if any(part in name for part in _CLASSIFICATION)]
    quality = [name for name in measured if name not in classification]
    groups = {"Image quality": quality, "Classification": classification}
    tables = [_table(caption, experiments, group) for caption, group in groups.items() if group]
    return [replace(tables[0], notes=(_LEGEND, *tables[0].notes)), *tables[1:]] if tables else []


def _table(caption: str, experiments: Experiments, names: Sequence[str]) -> Table:
    columns = {name: _held(experiments, name) for name in names}
    examples = {name: held[0] for name, held in columns.items()}
    mixed = {name for name, held in columns.items() if len({metric.protocol for metric in held}) > 1}
    best = {name: set() if name in mixed else _best(experiments, name) for name in names}
    rows = (
        Row(
            experiment,
            tuple(Cell(formatting.over_seeds(_values(runs, name)), experiment in best[name]) for name in names),
            kind(runs),
        )
        for experiment, runs in experiments.items()
    )
    floors = tuple(Cell(formatting.number(_as_shown(metric, metric.floor))) for metric in examples.values())
    ceilings = tuple(Cell(formatting.number(_as_shown(metric, metric.ceiling))) for metric in examples.values())
    return Table(
        caption,
        tuple(
            f"{name}\N{NO-BREAK SPACE}{_ARROWS[examples[name].direction]}{' †' if name in mixed else ''}"
            for name in names
        ),
        (Row("real images", floors, "reference"), *rows, Row("noise", ceilings, "reference")),
        (_MIXED,) if mixed else (),
    )


def _held(experiments: Experiments, name: str) -> list[Metric]:
    scores = (run.score for runs in experiments.values() for run in runs)
    return [score.metrics[name] for score in scores if name in score.metrics]


def _values(runs: Sequence[Run], name: str) -> list[float]:
    metrics = (run.score.metrics[name] for run in runs if name in run.score.metrics)
    shown = (_as_shown(metric, metric.value) for metric in metrics)
    return [value for value in shown if value is not None]


def _as_shown(metric: Metric, value: float | None) -> float | None:
    """The value itself, or its ratio to the real data's where the real data is the aim."""
    if metric.direction != "real" or value is None:
        return value
    return None if metric.ratio is None or not metric.value else value * metric.ratio / metric.value


def _best(experiments: Experiments, name: str) -> set[str]:
    """The sound experiments with the best mean; none when all are equal."""
    distances: dict[str, float] = {}
    for experiment, runs in experiments.items():
        values = _values(runs, name)
        if values and kind(runs) != "failed":
            distances[experiment] = _distance(math.fsum(values) / len(values), _held({experiment: runs}, name)[0])
    best = {experiment for experiment, distance in distances.items() if distance == min(distances.values())}
    return best if len(best) < len(distances) else set()


def _distance(mean: float, metric: Metric) -> float:
    """A number that grows as the mean gets worse."""
    ways: Mapping[str, float] = {"lower": mean, "higher": -mean, "real": abs(math.log(max(mean, LEAST_RATIO)))}
    return ways[metric.direction]
