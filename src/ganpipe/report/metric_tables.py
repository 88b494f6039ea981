"""Tables of the metrics, with the values of real images (floor) and of noise (ceiling) as reference rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ganpipe.common import formatting
from ganpipe.compare.costs import LEAST_RATIO
from ganpipe.compare.history import union
from ganpipe.compare.runs import ExtractorQuality, Metric, Run
from ganpipe.report.glossary import DEFINITIONS
from ganpipe.report.tables import COSTS, Cell, Experiments, Row, Table, has_failed_run, row_class

_ARROWS = {"lower": "↓", "higher": "↑", "real": "÷\N{NO-BREAK SPACE}real"}
_CLASSIFICATION = ("class", "accuracy", "confidence", "label")
_LEGEND = (
    "↓ lower is better, ↑ higher is better, ÷ real: the value divided by that of real images, 1 is best. "
    "The reference rows give the scale: held-out real images at the top, noise at the bottom."
)
_NAMES = {"judge": "The judge", "imagenet": "The ImageNet extractor"}
_TASKS = {"classes": "class", "rotations": "rotation"}
_MIXED_PROTOCOLS = "† Measured with different protocols: compare these numbers only within one protocol."


def metric_tables(experiments: Experiments) -> list[Table]:
    """Return the tables of image quality and of classification, each only if a run has such a metric."""
    names = union(run.score.metrics for runs in experiments.values() for run in runs)
    measured = [name for name in names if name not in COSTS]
    classification = [name for name in measured if any(part in name for part in _CLASSIFICATION)]
    quality = [name for name in measured if name not in classification]
    groups = {"Image quality": quality, "Classification": classification}
    tables = [_table(caption, experiments, group) for caption, group in groups.items() if group]
    if not tables:
        return []
    return [replace(tables[0], notes=(_LEGEND, *_extractor_notes(experiments), *tables[0].notes)), *tables[1:]]


def _extractor_notes(experiments: Experiments) -> list[str]:
    """Say how far each extractor can be trusted: one note each, unless runs were measured by different ones."""
    scores = (run.score for runs in experiments.values() for run in runs)
    notes = (_extractor_note(name, quality) for score in scores for name, quality in score.extractors.items())
    return list(dict.fromkeys(notes))


def _extractor_note(name: str, quality: ExtractorQuality) -> str:
    sentences = []
    if quality.task and quality.accuracy is not None and quality.chance is not None:
        accuracy, chance = (f"{100 * share:.1f} %" for share in (quality.accuracy, quality.chance))
        sees = f"recognises the {_TASKS[quality.task]} of {accuracy} of the held-out images (chance: {chance})"
        sentences.append(f"The judge {sees}.")
    if quality.problems:
        sentences.append(f"{_NAMES[name]} failed its checks, so no metric uses it: {'; '.join(quality.problems)}.")
    else:
        steps = ", ".join(f"{step} {formatting.number(value)}" for step, value in quality.distances.items())
        sentences.append(f"{_NAMES[name]} passed its checks; kernel distances of held-out images: {steps}.")
    return " ".join(sentences)


def _table(caption: str, experiments: Experiments, names: Sequence[str]) -> Table:
    columns = {name: _metrics(experiments, name) for name in names}
    examples = {name: metrics[0] for name, metrics in columns.items()}
    mixed = {name for name, metrics in columns.items() if len({metric.protocol for metric in metrics}) > 1}
    best = {name: set() if name in mixed else _best(experiments, name) for name in names}
    rows = (
        Row(
            experiment,
            tuple(Cell(formatting.mean_with_spread(_values(runs, name)), experiment in best[name]) for name in names),
            row_class(runs),
        )
        for experiment, runs in experiments.items()
    )
    floors = tuple(Cell(formatting.number(_displayed(metric, metric.floor))) for metric in examples.values())
    ceilings = tuple(Cell(formatting.number(_displayed(metric, metric.ceiling))) for metric in examples.values())
    return Table(
        caption,
        tuple(
            f"{name}\N{NO-BREAK SPACE}{_ARROWS[examples[name].direction]}{' †' if name in mixed else ''}"
            for name in names
        ),
        (Row("real images", floors, "reference"), *rows, Row("noise", ceilings, "reference")),
        (_MIXED_PROTOCOLS,) if mixed else (),
        definitions={name: DEFINITIONS[name] for name in names if name in DEFINITIONS},
    )


def _metrics(experiments: Experiments, name: str) -> list[Metric]:
    scores = (run.score for runs in experiments.values() for run in runs)
    return [score.metrics[name] for score in scores if name in score.metrics]


def _values(runs: Sequence[Run], name: str) -> list[float]:
    metrics = (run.score.metrics[name] for run in runs if name in run.score.metrics)
    displayed = (_displayed(metric, metric.value) for metric in metrics)
    return [value for value in displayed if value is not None]


def _displayed(metric: Metric, value: float | None) -> float | None:
    """Return the value, or its ratio to real images if those are the target."""
    if metric.direction != "real" or value is None:
        return value
    return None if metric.ratio is None or not metric.value else value * metric.ratio / metric.value


def _best(experiments: Experiments, name: str) -> set[str]:
    """Return the experiments without failed runs that have the best mean; none if all means are equal."""
    costs: dict[str, float] = {}
    for experiment, runs in experiments.items():
        values = _values(runs, name)
        if values and not has_failed_run(runs):
            costs[experiment] = _cost(math.fsum(values) / len(values), _metrics({experiment: runs}, name)[0])
    best = {experiment for experiment, cost in costs.items() if cost == min(costs.values())}
    return best if len(best) < len(costs) else set()


def _cost(mean: float, metric: Metric) -> float:
    """Return a number that grows as the mean gets worse."""
    costs: Mapping[str, float] = {"lower": mean, "higher": -mean, "real": abs(math.log(max(mean, LEAST_RATIO)))}
    return costs[metric.direction]
