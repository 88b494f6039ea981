"""The plan: one small file per run and per dataset, with every setting resolved and the code fingerprinted.

DVC compares these files key by key, so a stage runs again exactly when something that it uses has changed.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from ganpipe.common.atomic import atomic_folder
from ganpipe.config import Training
from ganpipe.data.fetch import origin_digest
from ganpipe.plan.checks import check_entries, check_sections
from ganpipe.plan.fingerprints import dataset_code, report_code, run_code
from ganpipe.plan.introspection import settings_read
from ganpipe.plan.problems import refuse
from ganpipe.plan.process_checks import check_processes
from ganpipe.plan.resolve import Entry, entries_of, read, runs_of, sections_of
from ganpipe.source.index import Index

PACKAGES = ("torch", "numpy")
"""Packages whose version decides over the bits of a result."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """All plan files as plain values: run name -> content, dataset name -> content, and that of the report."""

    runs: dict[str, Document]
    datasets: dict[str, Document]
    report: Document

    def write(self, folder: Path) -> None:
        """Write `runs/<run>.yaml`, `datasets/<dataset>.yaml` and `report.yaml`, replacing what was there."""
        documents = {Path("report.yaml"): self.report}
        documents |= {Path("runs", f"{name}.yaml"): document for name, document in self.runs.items()}
        documents |= {Path("datasets", f"{name}.yaml"): document for name, document in self.datasets.items()}
        with atomic_folder(folder) as part:
            for path, document in documents.items():
                (part / path).parent.mkdir(exist_ok=True)
                text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
                (part / path).write_text(text, encoding="utf-8")


def make_plan(params: Path, data: Path) -> Plan:
    """Resolve and check `params.yaml` against the code and the pins in `data`.

    Raises UserError with every mistake at once.
    """
    index = _source()
    content = read(params)
    sections, mistakes = sections_of(content)
    entries, found = entries_of(content.get("train"), content.get("experiments"), index)
    mistakes += found
    if sections is not None:
        mistakes += check_sections(sections, data)
        mistakes += check_entries(sections, entries, index, data)
        mistakes += check_processes(sections, entries, index)
    refuse(mistakes)
    assert sections is not None

    packages = {name: version(name) for name in PACKAGES}
    metrics = sections.evaluate.metrics
    common = {
        "compute": sections.compute.model_dump(mode="json", exclude=set(Training.model_fields)),
        "sample": sections.sample.model_dump(mode="json"),
        "evaluate": sections.evaluate.model_dump(mode="json"),
    }
    runs = {}
    for name in sections.grid.experiments:
        for training in runs_of(sections, entries[name]):
            code = run_code(index, training, metrics)
            document = _run_document(entries[name], training, index) | common | {"code": code, "packages": packages}
            runs[document["run"]] = document
    code = dataset_code(index, metrics)
    datasets = {}
    for name in sections.grid.datasets:
        settings = sections.datasets[name]
        datasets[name] = {
            "dataset": name,
            "fetch": {"source": settings.source, "origin": origin_digest(settings, data)},
            "prepare": settings.model_dump(mode="json", exclude={"judge"}),
            "judge": settings.judge.model_dump(mode="json"),
            "evaluate": common["evaluate"],
            "sample": common["sample"],
            "code": code,
            "packages": packages,
        }
    report = {"select": sections.select.model_dump(mode="json"), "code": report_code(index)}
    return Plan(runs, datasets, report)


@cache
def _source() -> Index:
    """This package, which does not change while it runs."""
    return Index(Path(__file__).parents[1])


def _run_document(entry: Entry, training: Training, index: Index) -> Document:
    return {
        "run": f"{entry.name}-{training.seed}",
        "experiment": entry.name,
        "seed": training.seed,
        **entry.about.model_dump(),
        "train": training.model_dump(mode="json", include=set(settings_read(index, training.method))),
    }
