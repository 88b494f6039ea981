"""Checks of the metrics: what is known before a run to be impossible is rejected by the plan."""

from collections.abc import Iterator, Mapping, Set

from ganpipe.common.errors import UserError
from ganpipe.config import Params
from ganpipe.metrics.extractors.inception_file import NO_WEIGHTS, verify_weights, weights_path
from ganpipe.metrics.settings import DOWNLOAD
from ganpipe.plan.introspection import requires_classes
from ganpipe.plan.metric_names import MetricDeclaration, declarations
from ganpipe.plan.problems import ConfigProblem, did_you_mean
from ganpipe.plan.resolve import ResolvedExperiment
from ganpipe.source.index import Index


def check_metrics(
    params: Params, experiments: Mapping[str, ResolvedExperiment], index: Index, labelled: Set[str]
) -> Iterator[ConfigProblem]:
    """Check the requirements of the computed metrics, and that the selected ones will be computed for every run.

    labelled: names of the datasets with class labels. A metric that is not selected may be absent from the records,
    with its reason; without a selected one the runs cannot be ranked.
    """
    known = declarations()
    computed = {name: known[name] for name in params.evaluate.metrics if name in known}
    yield from _check_neighbours(params, computed)
    yield from _check_inception(params, computed)
    yield from _check_curve(params, computed)
    select = params.select
    for name in select.fallback:  # not computed, as in some presets, it is passed over
        if name not in known:
            yield ConfigProblem("select.fallback", name, f"no such metric. {did_you_mean(name, known)}")
    for key, name in (("select.metric", select.metric), *(("select.tie", name) for name in select.tie)):
        if name not in computed:
            if key == "select.tie":
                problem = f"not computed. Add it to evaluate.metrics or remove it. {did_you_mean(name, computed)}"
                yield ConfigProblem(key, name, problem)
            continue
        requirement = computed[name]
        yield from _check_counts(params, key, name, requirement)
        if "inception" in requirement.requires and params.evaluate.inception is None:
            yield ConfigProblem(key, name, f"{NO_WEIGHTS}. Or choose another metric.")
        unlabelled = sorted(set(params.grid.datasets) - labelled)
        if "classes" in requirement.requires and unlabelled:
            problem = f"needs class labels, but {', '.join(unlabelled)} has no classes. Choose another metric."
            yield ConfigProblem(key, name, problem)
        if "labels" in requirement.requires:
            grid = [experiments[experiment] for experiment in params.grid.experiments if experiment in experiments]
            for experiment in grid:
                if not _is_conditional(experiment, index):
                    problem = (
                        f"needs generators that are conditioned on class labels, but {experiment.name} is not. Choose "
                        f"another metric, or take {experiment.name} out of the grid."
                    )
                    yield ConfigProblem(key, name, problem)


def _check_neighbours(params: Params, computed: Mapping[str, MetricDeclaration]) -> Iterator[ConfigProblem]:
    names = [name for name, metric in computed.items() if "neighbours" in metric.requires]
    neighbours, limit = params.evaluate.neighbours, min(params.sample.count, params.evaluate.real)
    if names and neighbours >= limit:
        problem = (
            f"{', '.join(names)} need more images than neighbours, but sample.count = {params.sample.count} and "
            f"evaluate.real = {params.evaluate.real}. Set it below {limit}."
        )
        yield ConfigProblem("evaluate.neighbours", neighbours, problem)


def _check_inception(params: Params, computed: Mapping[str, MetricDeclaration]) -> Iterator[ConfigProblem]:
    setting = params.evaluate.inception
    if setting in (None, DOWNLOAD) or not any("inception" in metric.requires for metric in computed.values()):
        return
    try:
        verify_weights(weights_path(str(setting)), params.evaluate)
    except UserError as error:
        yield ConfigProblem("evaluate.inception", setting, str(error).removeprefix("evaluate.inception: "))


def _check_curve(params: Params, computed: Mapping[str, MetricDeclaration]) -> Iterator[ConfigProblem]:
    """Check that one of the curve's metrics that are computed at all can be computed from so few samples."""
    curve = params.evaluate.curve
    needed = {name: computed[name].min_samples for name in curve.metrics if name in computed}
    if curve.samples and needed and curve.samples < min(needed.values()):
        listed = ", ".join(f"{name} needs {samples}" for name, samples in needed.items())
        problem = f"too few for a curve: {listed}. Raise it, or set it to 0 for no curve."
        yield ConfigProblem("evaluate.curve.samples", curve.samples, problem)


def _check_counts(params: Params, key: str, name: str, metric: MetricDeclaration) -> Iterator[ConfigProblem]:
    counts = {"sample.count": params.sample.count}
    if metric.real == "subset":
        counts["evaluate.real"] = params.evaluate.real
    for setting, count in counts.items():
        if count < metric.min_samples:
            problem = f"{key} = {name} needs at least {metric.min_samples}. Raise it or choose another metric."
            yield ConfigProblem(setting, count, problem)


def _is_conditional(experiment: ResolvedExperiment, index: Index) -> bool:
    """Whether samples have labels; unknown for a pretrained generator, which may be conditional."""
    settings = experiment.settings
    return settings.conditional or settings.method == "pretrained" or requires_classes(index, settings.method)
