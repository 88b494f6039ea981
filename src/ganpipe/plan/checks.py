"""Mistakes that one setting alone does not show: names that do not exist, combinations that cannot work."""

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from pathlib import Path

from ganpipe.config import Sections
from ganpipe.data.pins import pinned_names, read_pin
from ganpipe.data.settings import FOLDER, DatasetSettings
from ganpipe.plan.introspection import methods, needs_classes, networks, parts, sampler
from ganpipe.plan.metric_names import metric_names
from ganpipe.plan.objective_checks import check_objective
from ganpipe.plan.problems import ConfigError, did_you_mean, unknown
from ganpipe.plan.resolve import Entry
from ganpipe.plan.weights import describe_weights, weights_digest
from ganpipe.sampling.description import DESCRIPTION, WEIGHTS
from ganpipe.source.index import Index
from ganpipe.source.signature import constant


def check_sections(sections: Sections, data: Path) -> Iterator[ConfigError]:
    """What the sections say of each other and of the pins in `data`."""
    grid, sources = sections.grid, [*pinned_names(data), FOLDER]
    for axis in ("datasets", "experiments", "seeds"):
        for value, times in Counter(getattr(grid, axis)).items():
            if times > 1:
                yield ConfigError(f"grid.{axis}", value, f"stands there {times} times; name it once")
    yield from unknown("grid.datasets", grid.datasets, "dataset", sections.datasets)
    yield from unknown("grid.experiments", grid.experiments, "experiment", sections.experiments)
    for name, dataset in sections.datasets.items():
        yield from unknown(f"datasets.{name}.source", [dataset.source], "source", sources)
    chosen, computed = sections.select.metric, sections.evaluate.metrics
    misnamed = unknown("evaluate.metrics", computed, "metric", metric_names())
    yield from misnamed
    if chosen not in computed and not misnamed:
        problem = f"is not computed; add it to evaluate.metrics, or {did_you_mean(chosen, computed)}"
        yield ConfigError("select.metric", chosen, problem)


def check_entries(sections: Sections, entries: Mapping[str, Entry], index: Index, data: Path) -> Iterator[ConfigError]:
    """What each experiment asks for, against what there is and what can work."""
    labelled = {name for name, dataset in sections.datasets.items() if _has_classes(dataset, data)}
    for entry in entries.values():
        yield from check_objective(entry, index)
        yield from _check_dataset(sections, entry, index, labelled)
        if entry.name in sections.grid.experiments:
            yield from _check_weights(entry, index)


def _check_dataset(sections: Sections, entry: Entry, index: Index, labelled: Set[str]) -> Iterator[ConfigError]:
    settings, place = entry.settings, entry.place(("dataset",))
    name, dataset = settings.dataset, sections.datasets.get(settings.dataset)
    if dataset is None:
        yield from unknown(place, [name], "dataset", sections.datasets)
        return
    if entry.name in sections.grid.experiments and name not in sections.grid.datasets:
        problem = f"experiment {entry.name} is in the grid but its dataset is not; add {name} to grid.datasets"
        yield ConfigError(place, name, problem)
    known = settings.network in networks(index, settings.method)  # told of already, if not
    for part, (module, _) in parts(index, settings.method, settings.network).items() if known else ():
        sizes = constant(index, f"nets.{module}", "SIZES")
        if sizes and dataset.size not in sizes:
            problem = (
                f"the {part} makes or takes images of {' or '.join(map(str, sizes))} pixels, but datasets.{name}.size "
                f"is {dataset.size}; change the size or the network"
            )
            yield ConfigError(entry.place(("network",)), settings.network, problem)
    if name not in labelled:
        cure = f"but {name} has no classes; choose a dataset with classes, or"
        if settings.conditional:
            problem = f"the networks would be told classes, {cure} set conditional: false"
            yield ConfigError(entry.place(("conditional",)), True, problem)
        if needs_classes(index, settings.method):
            problem = f"trains one model for each class, {cure} another method"
            yield ConfigError(entry.place(("method",)), settings.method, problem)
    images, step = sections.budget.images, settings.batch_size * settings.critic_steps
    if entry.name in sections.grid.experiments and images and step > images:
        each = f" for each of {settings.critic_steps} critic steps" if settings.critic_steps > 1 else ""
        problem = f"is{each} more than budget.images = {images}; lower it or raise the budget"
        yield ConfigError(entry.place(("batch_size",)), settings.batch_size, problem)


def _has_classes(dataset: DatasetSettings, data: Path) -> bool:
    if dataset.source == FOLDER:
        return dataset.classes == "subfolders"
    # A source that does not exist was told of already.
    return dataset.source not in pinned_names(data) or bool(read_pin(data, dataset.source).classes)


def _check_weights(entry: Entry, index: Index) -> Iterator[ConfigError]:
    if entry.settings.method != "pretrained":
        return
    weights, place = entry.settings.weights, entry.place(("weights",))
    if weights is None:
        yield ConfigError(place, None, f"is missing; name the folder that holds {WEIGHTS} and {DESCRIPTION}")
    elif weights_digest(weights) is None:
        yield ConfigError(place, weights, f"holds no {WEIGHTS}; put it there with its {DESCRIPTION}, or name another")
    else:
        try:
            described = describe_weights(weights)
        except (OSError, ValueError, TypeError, RecursionError) as error:
            yield ConfigError(place, weights, f"holds no {DESCRIPTION} of a generator ({error}); put it there")
            return
        made_by = (name for name in methods(index) if sampler(index, name) == described.sampler)
        if not any(described.network in networks(index, name) for name in made_by):
            problem = f"its {DESCRIPTION} names a sampler or a network that is not there; take another generator"
            yield ConfigError(place, weights, problem)
