"""Checks across settings: names that do not exist, and combinations that cannot work."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ganpipe.common.formatting import count
from ganpipe.common.variation import base_name
from ganpipe.config import DatasetEntry, Params
from ganpipe.data.pins import pinned_names, read_pin
from ganpipe.data.settings import OWN_SOURCES
from ganpipe.plan.given_image_checks import check_given_images
from ganpipe.plan.introspection import method_names, network_classes, network_names, requires_classes, sampler_name
from ganpipe.plan.metric_checks import check_metrics
from ganpipe.plan.metric_names import metric_names
from ganpipe.plan.mode_checks import check_modes
from ganpipe.plan.objective_checks import check_objective
from ganpipe.plan.problems import ConfigProblem, did_you_mean, unknown_names
from ganpipe.plan.resolve import ResolvedExperiment
from ganpipe.plan.weights import describe_weights, weights_digest
from ganpipe.sampling.description import DESCRIPTION, WEIGHTS
from ganpipe.source.index import Index
from ganpipe.source.signature import constant


def check_sections(params: Params, pins: Path) -> Iterator[ConfigProblem]:
    """Check the names that one section uses for entries of another, or for the dataset pins in the folder `pins`."""
    grid, sources = params.grid, [*pinned_names(pins), *OWN_SOURCES]
    for axis in ("datasets", "experiments", "seeds"):
        for value, times in Counter(getattr(grid, axis)).items():
            if times > 1:
                yield ConfigProblem(f"grid.{axis}", value, f"listed {times} times. List it once.")
    yield from unknown_names("grid.datasets", grid.datasets, "dataset", params.datasets)
    bases = dict.fromkeys(map(base_name, grid.experiments))
    yield from unknown_names("grid.experiments", bases, "experiment", params.experiments)
    for name, dataset in params.datasets.items():
        yield from unknown_names(f"datasets.{name}.source", [dataset.source], "source", sources)
    yield from check_modes(params, pins)
    chosen, computed = params.select.metric, params.evaluate.metrics
    unknown_metrics = unknown_names("evaluate.metrics", computed, "metric", metric_names())
    yield from unknown_metrics
    yield from unknown_names("evaluate.curve.metrics", params.evaluate.curve.metrics, "metric", metric_names())
    if chosen not in computed and not unknown_metrics:
        problem = f"not computed. Add it to evaluate.metrics or choose a computed one. {did_you_mean(chosen, computed)}"
        yield ConfigProblem("select.metric", chosen, problem)


def check_experiments(
    params: Params, experiments: Mapping[str, ResolvedExperiment], index: Index, pins: Path
) -> Iterator[ConfigProblem]:
    """Check the metrics, and each experiment: objective, dataset, image size, labels, batch size, weights."""
    counts = {name: _class_count(dataset, pins) for name, dataset in params.datasets.items()}
    yield from check_metrics(params, experiments, index, {name for name, count in counts.items() if count != 0})
    for experiment in experiments.values():
        yield from check_objective(experiment, index)
        yield from _check_dataset(params, experiment, index, counts)
        if experiment.name in params.grid.experiments:
            yield from _check_weights(experiment, index)
            yield from check_given_images(params, experiment)


def _check_dataset(
    params: Params, experiment: ResolvedExperiment, index: Index, counts: Mapping[str, int | None]
) -> Iterator[ConfigProblem]:
    settings, in_grid = experiment.settings, experiment.name in params.grid.experiments
    name, dataset = settings.dataset, params.datasets.get(settings.dataset)
    if dataset is None:
        yield from unknown_names(experiment.location("dataset"), [name], "dataset", params.datasets)
        return
    if in_grid and name not in params.grid.datasets:
        problem = f"used by experiment {experiment.name} but missing from grid.datasets. Add {name} to grid.datasets."
        yield ConfigProblem(experiment.location("dataset"), name, problem)
    usable = settings.network in network_names(index, settings.method)  # if not, `resolve_experiments` reports it
    classes = network_classes(index, settings.method, settings.network) if usable else {}
    for part, (module, _) in classes.items():
        sizes = constant(index, f"nets.{module}", "SIZES")
        if sizes and dataset.size not in sizes:
            problem = (
                f"the {part} supports images of {', '.join(map(str, sizes))} pixels, but datasets.{name}.size is "
                f"{dataset.size}. Change the size or the network."
            )
            yield ConfigProblem(experiment.location("network"), settings.network, problem)
    classes_of_data = counts[name]
    per_class = constant(index, f"methods.{settings.method}", "MIN_IMAGES_PER_CLASS") or 1
    fewest = per_class * (classes_of_data or 0)
    if requires_classes(index, settings.method) and settings.batch_size < fewest:
        problem = (
            f"trains one model per class, and a batch needs {count(per_class, 'image')} of each of the "
            f"{classes_of_data} classes of {name}. Set it to {fewest} or more, or choose another method or dataset."
        )
        yield ConfigProblem(experiment.location("batch_size"), settings.batch_size, problem)
    if classes_of_data == 0:
        if settings.conditional:
            problem = (
                f"needs class labels, but {name} has no classes. Choose a dataset with classes or set conditional: "
                "false."
            )
            yield ConfigProblem(experiment.location("conditional"), True, problem)
        if requires_classes(index, settings.method):
            problem = (
                f"trains one model per class, but {name} has no classes. Choose a dataset with classes or another "
                "method."
            )
            yield ConfigProblem(experiment.location("method"), settings.method, problem)
    most = (dataset.per_label or 0) * (classes_of_data or 0) // 2
    if in_grid and 0 < most < params.evaluate.selection:
        problem = f"more than half of the training images of {name}. Set it to {most} or less."
        yield ConfigProblem("evaluate.selection", params.evaluate.selection, problem)
    images, step = params.budget.images, settings.batch_size * settings.critic_steps
    if in_grid and images and step > images:
        times = f" (critic_steps = {settings.critic_steps})" if settings.critic_steps > 1 else ""
        problem = f"one step takes {step} images{times}, but budget.images = {images}. Lower it or raise the budget."
        yield ConfigProblem(experiment.location("batch_size"), settings.batch_size, problem)


def _class_count(dataset: DatasetEntry, pins: Path) -> int | None:
    """Return the number of classes of a dataset, 0 if it has none; None if only its images tell."""
    if dataset.source in OWN_SOURCES:
        return 0 if dataset.classes == "none" else None
    if dataset.source not in pinned_names(pins):  # `check_sections` reports it; do not report missing classes as well
        return None
    classes = read_pin(pins, dataset.source).classes
    count = len(classes) if dataset.labels is None or not classes else len(dataset.labels)
    return count**3 if dataset.stacked else count


def _check_weights(experiment: ResolvedExperiment, index: Index) -> Iterator[ConfigProblem]:
    if experiment.settings.method != "pretrained":
        return
    weights, location = experiment.settings.weights, experiment.location("weights")
    if weights is None:
        problem = f"not set. Set it to a folder that contains {WEIGHTS} and {DESCRIPTION}."
        yield ConfigProblem(location, None, problem)
    elif weights_digest(weights) is None:
        problem = f"contains no {WEIGHTS}. Put it there with its {DESCRIPTION}, or name another folder."
        yield ConfigProblem(location, weights, problem)
    else:
        try:
            description = describe_weights(weights)
        except (OSError, ValueError, TypeError, RecursionError) as error:
            problem = f"contains no valid {DESCRIPTION} ({error}). Put the generator's description there."
            yield ConfigProblem(location, weights, problem)
            return
        methods = (name for name in method_names(index) if sampler_name(index, name) == description.sampler)
        if not any(description.network in network_names(index, name) for name in methods):
            problem = f"its {DESCRIPTION} names an unknown sampler or network. Choose another generator."
            yield ConfigProblem(location, weights, problem)
