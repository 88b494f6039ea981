"""The page docs/results.md: what the source documents claimed and what was observed, from the pipeline's outputs."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ganpipe.common import formatting
from ganpipe.common.atomic import write_text
from ganpipe.common.errors import UserError
from ganpipe.compare.claims import DocumentedExperiment, Verdict
from ganpipe.compare.history import union
from ganpipe.compare.published import DocumentedRun, publish
from ganpipe.report.documents import DocumentResults, summary_of_claims
from ganpipe.report.figures import Figure
from ganpipe.report.results_figures import printed_curves, sample_strip

METRICS = {
    "fd_judge": "`fd_judge`", "precision": "precision", "recall": "recall", "class_coverage": "classes",
    "label_accuracy": "label accuracy", "transfer_accuracy": "transfer accuracy",
}  # fmt: skip
"""Metrics of the table of runs, with their headings."""


class Interpretation(BaseModel):
    """A text about an experiment. verdicts: those of its claims that the text explains, in the order of the claims."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdicts: tuple[Verdict, ...]
    text: str


class DocumentText(BaseModel):
    """Title of a document, and the interpretations by experiment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    interpretations: dict[str, Interpretation] = {}


def write_results_page(results: DocumentResults, texts: Path, page: Path) -> None:
    """Write the page, and a folder for each run to the folder of the same name without suffix.

    The folder of a run contains its pictures and its result without weights (see `compare.published`). An
    interpretation is left out if the verdicts of its experiment are not those that it explains. Raises UserError if the
    file of texts is missing or invalid.
    """
    documents = read_texts(texts)
    folder = page.with_suffix("")
    blocks = [_introduction(results), _runs(results)]
    for number in union([entry.document] for entry in results.claims.values()):
        blocks.append(_document(number, documents.get(number, DocumentText(title="")), results, folder))
    write_text(page, "\n\n".join(blocks) + "\n")


def read_texts(path: Path) -> dict[str, DocumentText]:
    """Return the texts by document. Raises UserError if the file is missing or invalid."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, DocumentText]).validate_python(content)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. It is part of the repository: restore it with Git.") from None
    except (yaml.YAMLError, ValidationError) as error:
        raise UserError(f"{path}: invalid ({error}). Fix it.") from error


def _introduction(results: DocumentResults) -> str:
    return f"""# The source documents, decided

Use this page to see which conclusions of the source documents hold. `ganpipe compare --documents --page <file>` writes
it from the outputs of the pipeline and from the finished runs that `docs/results/` keeps without their weights. Nothing
in it is written by hand except the interpretations, which come from `docs/interpretation.yaml` and are left out when
the verdicts that they explain change.

To repeat the runs, or to add to them: `ganpipe preset documents --apply`, then `ganpipe repro`
([hours and differences](catalogue.md#the-documents-own-trainings)). The [rules](comparing.md#the-source-documents)
decide each verdict. *Observed in one seed*: a difference between two experiments that another training seed may change;
three seeds would test it.

**{summary_of_claims(results)}**"""


def _runs(results: DocumentResults) -> str:
    lines = ["## Every run of the plan"]
    if results.runs:
        lines.append("")
        header = ["run", "epochs", "status", "minutes", *METRICS.values()]
        lines += [f"| {' | '.join(header)} |", f"|---|---:|---|---:|{'---:|' * len(METRICS)}"]
        lines += [f"| {' | '.join(_run_cells(entry, results.claims))} |" for entry in results.runs]
        lines += ["", *_machines(results.runs)]
    unfinished = [f"`{name}`{_estimate(name, results.claims)}" for name in results.unfinished]
    if unfinished:
        lines += ["", f"Planned, but not finished when this page was written: {', '.join(unfinished)}."]
    planned = {entry.run.experiment for entry in results.runs} | {
        name.rpartition("-")[0] for name in results.unfinished
    }
    absent = [f"`{name}`{f' ({entry.left_out})' if entry.left_out else ''}"
              for name, entry in results.claims.items() if name not in planned]  # fmt: skip
    if absent:
        lines += ["", f"Not in this plan: {', '.join(absent)}."]
    return "\n".join(lines)


def _run_cells(entry: DocumentedRun, claims: Mapping[str, DocumentedExperiment]) -> list[str]:
    run = entry.run
    documented = claims[run.experiment].epochs if run.experiment in claims else None
    trained = run.plan["train"]["epochs"]
    epochs = f"{trained} of {documented}" if documented not in (None, trained) else str(trained)
    metrics = [run.score.metrics.get(name) for name in METRICS]
    cells = [formatting.number(metric.value) if metric else formatting.MISSING for metric in metrics]
    seconds = entry.provenance.seconds
    minutes = f"{seconds / 60:.0f}" if seconds is not None else formatting.MISSING
    return [f"`{run.name}`", epochs, run.score.status, minutes, *cells]


def _machines(runs: Sequence[DocumentedRun]) -> list[str]:
    """Return one sentence per kind of machine and code version that trained the runs."""
    described: dict[str, list[str]] = {}
    for entry in runs:
        described.setdefault(entry.provenance.trained_on, []).append(f"`{entry.name}`")
    note = "Minutes are those of the training and include waiting for other programs."
    if len(described) == 1:
        return [f"Trained on: {next(iter(described))}. {note}"]
    return [*(f"Trained on {machine}: {', '.join(names)}.\n" for machine, names in described.items()), note]


def _estimate(run: str, claims: Mapping[str, DocumentedExperiment]) -> str:
    entry = claims.get(run.rpartition("-")[0])
    return f" ({entry.minutes:g} minutes)" if entry and entry.minutes else ""


def _document(number: str, text: DocumentText, results: DocumentResults, folder: Path) -> str:
    blocks = [f"## Document {number}{f': {text.title}' if text.title else ''}", _claims(number, results)]
    for name, entry in results.claims.items():
        runs = [run for run in results.runs if run.run.experiment == name and entry.document == number]
        if not runs:
            continue
        for run in runs:
            figure = sample_strip(run, entry.shown, folder / run.name)
            publish(run, figure.epochs if figure else (), folder / run.name)
            if figure and run is runs[0]:
                blocks.append(_markdown(figure, folder))
        blocks += [_markdown(printed_curves(runs[0].run, claim, folder / runs[0].name), folder)
                   for claim in entry.claims
                   if claim.check == "printed_values" and (runs[0].run.model / "epochs.csv").exists()]  # fmt: skip
        if name in text.interpretations:
            blocks.append(_interpretation(name, text.interpretations[name], results))
    return "\n\n".join(block for block in blocks if block)


def _claims(number: str, results: DocumentResults) -> str:
    lines = ["| experiment | the document | observed here | |", "|---|---|---|---|"]
    for claim in results.of(number):
        cells = (f"`{claim.experiment}`", claim.conclusion, claim.observation, claim.verdict)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def _interpretation(experiment: str, text: Interpretation, results: DocumentResults) -> str:
    verdicts = tuple(claim.verdict for claim in results.checked if claim.experiment == experiment)
    return f"*Interpretation.* {text.text.strip()}" if verdicts == text.verdicts else ""


def _markdown(figure: Figure, folder: Path) -> str:
    path = Path(os.path.relpath(figure.path, folder.parent)).as_posix()
    return f"{figure.title}:\n\n![{figure.alt}]({path})"
