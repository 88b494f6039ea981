"""Checks of datasets with known modes, and of the metrics that count modes."""

from collections.abc import Iterator
from pathlib import Path

from ganpipe.config import Params
from ganpipe.data.pins import Contents, pinned_names, read_pin
from ganpipe.metrics.modes import MODE_METRICS
from ganpipe.plan.problems import ConfigProblem

MOST_CLASSES = 10
"""Of the grey images: more classes have more modes (17,576 for 26 letters) than there are images to count them."""


def check_modes(params: Params, pins: Path) -> Iterator[ConfigProblem]:
    """Check that stacked images can be made, and that metrics of modes are only computed on stacked images."""
    for name, dataset in params.datasets.items():
        if dataset.stacked and dataset.source in pinned_names(pins):  # `check_sections` reports other sources
            yield from _check_stacked(f"datasets.{name}", dataset.labels, read_pin(pins, dataset.source))
    chosen = [name for name in MODE_METRICS if name in params.evaluate.metrics]
    without = [name for name in params.grid.datasets if name in params.datasets and not params.datasets[name].stacked]
    if chosen and without:
        problem = (
            f"needs a dataset with known modes, but {', '.join(without)} is not stacked. Remove the metric, or choose "
            "a dataset with stacked: true, such as stacked-mnist."
        )
        for metric in chosen:
            yield ConfigProblem("evaluate.metrics", metric, problem)


def _check_stacked(location: str, labels: tuple[int, ...] | None, pin: Contents) -> Iterator[ConfigProblem]:
    if pin.layout.kind != "idx":
        problem = f"needs grey images, but {pin.title} has colours. Choose another source or remove it."
        yield ConfigProblem(f"{location}.stacked", True, problem)
    classes = len(pin.classes if labels is None else labels)
    if not 2 <= classes <= MOST_CLASSES:
        problem = f"needs 2 to {MOST_CLASSES} classes, but there are {classes}. Choose them with {location}.labels."
        yield ConfigProblem(f"{location}.stacked", True, problem)
