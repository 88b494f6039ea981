"""Checks for data-parallel training with several processes."""

from collections.abc import Iterator, Mapping

from ganpipe.config import Compute, Params
from ganpipe.plan.introspection import settings_read
from ganpipe.plan.problems import ConfigProblem
from ganpipe.plan.resolve import ResolvedExperiment
from ganpipe.source.index import Index
from ganpipe.source.signature import constant

MIN_IMAGES = 2
"""Images of a batch that each process needs at least: batch normalisation is undefined for one."""


def check_processes(
    params: Params, experiments: Mapping[str, ResolvedExperiment], index: Index
) -> Iterator[ConfigProblem]:
    """Check that the executor supports several processes and that every experiment of the grid can be split."""
    compute = params.compute
    if compute.processes == 1:
        return
    if compute.executor != "torchrun":
        problem = f"the executor {compute.executor} trains in one process. Set compute.executor: torchrun, or 1 here."
        yield ConfigProblem("compute.processes", compute.processes, problem)
    if compute.device == "mps":
        problem = (
            "trains in one process, since Apple's GPUs exchange no gradients. Set compute.processes: 1, or cpu here."
        )
        yield ConfigProblem("compute.device", compute.device, problem)
    for experiment in experiments.values():
        if experiment.name in params.grid.experiments:
            yield from _check_experiment(experiment, compute, index)


def _check_experiment(experiment: ResolvedExperiment, compute: Compute, index: Index) -> Iterator[ConfigProblem]:
    settings, count = experiment.settings, compute.processes
    if "processes" not in settings_read(index, settings.method):
        return  # the method does not train
    if constant(index, f"methods.{settings.method}", "ONE_PROCESS"):
        problem = (
            f"does not support compute.processes = {count}, since its networks are small and see few images of a batch "
            f"each. Set compute.processes: 1, or remove {experiment.name} from the grid."
        )
        yield ConfigProblem(experiment.location("method"), settings.method, problem)
    elif settings.batch_size % count or settings.batch_size < MIN_IMAGES * count:
        problem = (
            f"not divisible among compute.processes = {count} with at least {MIN_IMAGES} images each. Choose a "
            f"multiple of {count} of at least {MIN_IMAGES * count}."
        )
        yield ConfigProblem(experiment.location("batch_size"), settings.batch_size, problem)
