"""Mistakes that one setting alone does not show: names that do not exist, combinations that cannot work."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from ganpipe.codebase.index import Index
from ganpipe.codebase.signature import constant
from ganpipe.config import Sections
from ganpipe.data.pins import pinned_names
from ganpipe.data.settings import FOLDER
from ganpipe.metrics.names import metric_names
from ganpipe.planning.mistakes import Mistake, did_you_mean, unknown
from ganpipe.planning.resolve import Entry, networks


def check_sections(sections: Sections, data: Path) -> Iterator[Mistake]:
    """What the sections say of each other and of the pins in `data`."""
    grid, sources = sections.grid, [*pinned_names(data), FOLDER]
    for axis in ("datasets", "experiments", "seeds"):
        for value, times in Counter(getattr(grid, axis)).items():
            if times > 1:
                yield Mistake(f"grid.{axis}", value, f"stands there {times} times; name it once")
    yield from unknown("grid.datasets", grid.datasets, "dataset", sections.datasets)
    yield from unknown("grid.experiments", grid.experiments, "experiment", sections.experiments)
    for name, dataset in sections.datasets.items():
        yield from unknown(f"datasets.{name}.source", [dataset.source], "source", sources)
    chosen, computed = sections.select.metric, sections.evaluate.metrics
    misnamed = unknown("evaluate.metrics", computed, "metric", metric_names())
    yield from misnamed
    if chosen not in computed and not misnamed:
        problem = f"is not computed; add it to evaluate.metrics, or {did_you_mean(chosen, computed)}"
        yield Mistake("select.metric", chosen, problem)


def check_entries(sections: Sections, entries: Mapping[str, Entry], index: Index) -> Iterator[Mistake]:
    """What each experiment asks for, against what there is."""
    losses = index.functions("objectives.losses")
    methods = [name for name in index.submodules("methods") if "build" in index.functions(f"methods.{name}")]
    for entry in entries.values():
        settings = entry.settings
        yield from unknown(entry.place(("method",)), [settings.method], "method", methods)
        yield from unknown(entry.place(("loss",)), [settings.loss], "loss", losses)
        smoothed = (settings.smooth_real, settings.smooth_fake) != (1.0, 0.0)
        if smoothed and settings.loss in losses and not losses[settings.loss].args.args:
            problem = f"the loss {settings.loss} has no targets to smooth; set smooth_real: 1.0 and smooth_fake: 0.0"
            yield Mistake(entry.place(("smooth_real",)), settings.smooth_real, problem)
        yield from _check_dataset(sections, entry, index)


def _check_dataset(sections: Sections, entry: Entry, index: Index) -> Iterator[Mistake]:
    settings, place = entry.settings, entry.place(("dataset",))
    name, dataset = settings.dataset, sections.datasets.get(settings.dataset)
    if dataset is None:
        yield from unknown(place, [name], "dataset", sections.datasets)
        return
    if entry.name in sections.grid.experiments and name not in sections.grid.datasets:
        problem = f"experiment {entry.name} is in the grid but its dataset is not; add {name} to grid.datasets"
        yield Mistake(place, name, problem)
    known = settings.network in networks(index)  # told of already, if not
    sizes = constant(index, f"nets.{settings.network}", "SIZES") if known else None
    if sizes and dataset.size not in sizes:
        problem = (
            f"makes images of {' or '.join(map(str, sizes))} pixels, but datasets.{name}.size is {dataset.size}; "
            "change the size or the network"
        )
        yield Mistake(entry.place(("network",)), settings.network, problem)
    images = sections.budget.images
    if images and settings.batch_size > images:
        problem = f"is more than budget.images = {images}; lower it or raise the budget"
        yield Mistake(entry.place(("batch_size",)), settings.batch_size, problem)
