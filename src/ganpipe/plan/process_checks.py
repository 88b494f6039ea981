"""Trainings that several processes share: what they need, and what cannot be shared."""

from collections.abc import Iterator, Mapping

from ganpipe.config import Compute, Sections
from ganpipe.plan.introspection import settings_read
from ganpipe.plan.problems import ConfigError
from ganpipe.plan.resolve import Entry
from ganpipe.source.index import Index
from ganpipe.source.signature import constant

FEWEST = 2
"""Images that each process must have of a batch: batch normalisation needs so many."""


def check_processes(sections: Sections, entries: Mapping[str, Entry], index: Index) -> Iterator[ConfigError]:
    """Several processes with an executor that has but one, and experiments of the grid that cannot be shared."""
    compute = sections.compute
    if compute.processes == 1:
        return
    if compute.executor != "torchrun":
        problem = f"the executor {compute.executor} trains in one; set compute.executor: torchrun, or 1 here"
        yield ConfigError("compute.processes", compute.processes, problem)
    for entry in entries.values():
        if entry.name in sections.grid.experiments:
            yield from _check_entry(entry, compute, index)


def _check_entry(entry: Entry, compute: Compute, index: Index) -> Iterator[ConfigError]:
    settings, count = entry.settings, compute.processes
    if "processes" not in settings_read(index, settings.method):
        return  # nothing is trained
    if constant(index, f"methods.{settings.method}", "ONE_PROCESS"):
        problem = (
            f"its networks cannot be trained by compute.processes = {count} (each is small, and has few images of a "
            f"batch to share); set that to 1, or take {entry.name} out of the grid"
        )
        yield ConfigError(entry.place(("method",)), settings.method, problem)
    elif settings.batch_size % count or settings.batch_size < FEWEST * count:
        problem = (
            f"cannot be shared equally by compute.processes = {count}, with {FEWEST} images or more for each; choose a "
            f"multiple of {count} from {FEWEST * count} on"
        )
        yield ConfigError(entry.place(("batch_size",)), settings.batch_size, problem)
