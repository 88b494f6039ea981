"""The plan: one small file per run and per dataset, with all settings resolved and the code fingerprinted.

DVC compares these files key by key, so a stage runs again exactly when something that it depends on has changed.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from ganpipe.common.atomic import atomic_folder
from ganpipe.config import Params, Training
from ganpipe.data.fetch import source_digest
from ganpipe.plan.checks import check_experiments, check_sections
from ganpipe.plan.fingerprints import dataset_fingerprints, grid_fingerprints, run_fingerprints
from ganpipe.plan.introspection import settings_read
from ganpipe.plan.problems import raise_problems
from ganpipe.plan.process_checks import check_processes
from ganpipe.plan.resolve import ResolvedExperiment, expand_runs, parse_params, read_params, resolve_experiments
from ganpipe.plan.search_checks import check_search
from ganpipe.plan.selection import check_selection, selection_settings
from ganpipe.plan.variations import resolve_variations
from ganpipe.source.index import Index

PACKAGES = ("torch", "numpy")
"""Packages whose version may change the bits of a result."""
DECODERS = ("pillow",)
"""Packages whose version may change the pixels of a prepared image: they decode files, convert colours and resize."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """The content of all plan files: by run, by dataset, and that of the report."""

    runs: dict[str, Document]
    datasets: dict[str, Document]
    report: Document

    def write(self, folder: Path) -> None:
        """Write `runs/<run>.yaml`, `datasets/<dataset>.yaml` and `report.yaml`, replacing the folder."""
        documents = {Path("report.yaml"): self.report}
        documents |= {Path("runs", f"{name}.yaml"): document for name, document in self.runs.items()}
        documents |= {Path("datasets", f"{name}.yaml"): document for name, document in self.datasets.items()}
        with atomic_folder(folder) as part:
            for path, document in documents.items():
                (part / path).parent.mkdir(exist_ok=True)
                text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
                (part / path).write_text(text, encoding="utf-8")


def make_plan(params_file: Path, pins: Path) -> Plan:
    """Resolve `params.yaml` and check it against the source code and the dataset pins in the folder `pins`.

    Raises UserError that reports all problems together.
    """
    index = own_source()
    content = read_params(params_file)
    params, problems = parse_params(content)
    experiments, found = resolve_experiments(content.get("train"), content.get("experiments"), index)
    problems += found
    if params is not None:
        variations, found = resolve_variations(params.grid.experiments, params.train, params.experiments, index)
        experiments |= variations
        problems += found
        problems += check_sections(params, pins)
        problems += check_experiments(params, experiments, index, pins)
        problems += check_processes(params, experiments, index)
        problems += check_selection(params, experiments)
        problems += check_search(params, index)
    raise_problems(problems)
    assert params is not None

    runs = {
        document["run"]: document
        for name in params.grid.experiments
        for training in expand_runs(params, experiments[name])
        for document in [_run_document(params, experiments[name], training, index)]
    }
    datasets = {name: _dataset_document(params, name, pins, index) for name in params.grid.datasets}
    report = {"select": params.select.model_dump(mode="json"), "code": grid_fingerprints(index)}
    return Plan(runs, datasets, report)


@cache
def own_source() -> Index:
    """Return the index of this package, parsed once per process."""
    return Index(Path(__file__).parents[1])


def _run_document(params: Params, experiment: ResolvedExperiment, training: Training, index: Index) -> Document:
    settings = selection_settings(params.evaluate)
    unused = {"pairs", "queries", "inception", "inception_sha256"}  # a change of them must not sample again
    chosen = {"selection": settings.model_dump(mode="json", exclude=unused)} if training.keep == "best" else {}
    return {
        "run": f"{experiment.name}-{training.seed}",
        "experiment": experiment.name,
        "seed": training.seed,
        **experiment.description.model_dump(),
        "train": training.model_dump(mode="json", include=set(settings_read(index, training.method))),
        "compute": params.compute.model_dump(mode="json", exclude=set(Training.model_fields)),
        "sample": params.sample.model_dump(mode="json") | chosen,
        "evaluate": params.evaluate.model_dump(mode="json"),
        "code": run_fingerprints(index, training, params.evaluate.metrics, settings.metrics if chosen else ()),
        "packages": _package_versions(PACKAGES),
    }


def _dataset_document(params: Params, name: str, pins: Path, index: Index) -> Document:
    settings = params.datasets[name]
    unused = {"judge"} if settings.stacked else {"judge", "stacked"}
    return {
        "dataset": name,
        "fetch": {"source": settings.source, "origin": source_digest(settings, pins)},
        "prepare": settings.model_dump(mode="json", exclude=unused),
        "decoders": _package_versions(DECODERS),
        "judge": settings.judge.model_dump(mode="json"),
        "evaluate": params.evaluate.model_dump(mode="json", exclude={"curve"}),
        "sample": params.sample.model_dump(mode="json"),
        "packages": _package_versions(PACKAGES),
        "code": dataset_fingerprints(index, params.evaluate.metrics, settings.stacked),
    }


@cache
def _package_versions(names: tuple[str, ...]) -> dict[str, str]:
    return {name: version(name) for name in names}
