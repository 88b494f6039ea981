"""The documents' conclusions checked against the finished runs of the plan, as a table."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import yaml

from ganpipe.common import formatting
from ganpipe.common.checkout import root
from ganpipe.common.errors import UserError
from ganpipe.compare.claim_checks import GridResults
from ganpipe.compare.claims import DECIDED, CheckedClaim, DocumentedExperiment, check_claims, read_claims, shortened
from ganpipe.compare.published import DocumentedRun, Provenance, read_published
from ganpipe.compare.runs import Run, counted_plans, load_finished_runs
from ganpipe.config import SelectSettings
from ganpipe.records.store import load


@dataclass(frozen=True)
class DocumentResults:
    """All claims with their verdicts, and every run of the plan: finished, or still to do.

    runs: sorted by name. unfinished: names of planned runs without a score of their present plan, here or published.
    """

    claims: Mapping[str, DocumentedExperiment]
    checked: Sequence[CheckedClaim]
    runs: Sequence[DocumentedRun]
    unfinished: Sequence[str]

    def of(self, document: str) -> list[CheckedClaim]:
        """Return the claims of a document."""
        return [claim for claim in self.checked if claim.document == document]


def document_results(
    out: Path, claims: Path, outdated: Set[str] = frozenset(), published: Path | None = None
) -> DocumentResults:
    """Check all claims against the runs under `out` that have finished, and the published ones.

    outdated: runs whose files belong to an earlier plan; they count as unfinished. published: folder of finished runs
    without weights (see `compare.published`). One of them counts if no finished run of its name under `out` was trained
    as long as in the document, unless the plan trains it that long with other settings. Raises UserError if there is no
    plan, or if a file is invalid.
    """
    documented = read_claims(claims)
    scored, unscored = load_finished_runs(out)
    runs = {run.name: DocumentedRun(run, _provenance(run)) for run in scored if run.name not in outdated}
    plans = counted_plans(out)
    for name, entry in (read_published(published) if published else {}).items():
        plan = plans.get(name)
        same = plan is not None and plan["train"] == entry.run.plan["train"]
        if plan is None or shortened(plan, documented) or (same and name not in runs):
            runs[name] = entry
    unfinished = sorted({*unscored, *outdated} - runs.keys())
    finished = tuple(runs[name] for name in sorted(runs))
    experiments = {name: [entry.run for entry in finished if entry.run.experiment == name] for name in documented}
    incomplete = {name.rpartition("-")[0] for name in unfinished}  # some seeds are missing: a mean would mislead
    complete = {name: entries for name, entries in experiments.items() if name not in incomplete}
    checked = check_claims(documented, GridResults(complete, _select(out)))
    return DocumentResults(documented, checked, finished, unfinished)


def _provenance(run: Run) -> Provenance:
    part = load(root(), run.inputs["key"]).parts.get("train")
    labels, costs = (part.labels, part.costs) if part else ({}, {})
    machine = f"{labels.get('processor', 'unknown processor')}, device {labels.get('device', 'unknown')}"
    code = f"PyTorch {labels.get('package.torch', 'unknown')}, commit {labels.get('git_commit', 'unknown')[:10]}"
    return Provenance(seconds=costs.get("seconds"), trained_on=f"{machine}, {code}")


def claims_table(claims: Sequence[CheckedClaim]) -> str:
    """Return the claims as a Markdown table."""
    lines = ["| experiment | document | its conclusion | observed here | |", "|---|---|---|---|---|"]
    for claim in claims:
        cells = (f"`{claim.experiment}`", claim.document, claim.conclusion, claim.observation, claim.verdict)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def summary_of_claims(results: DocumentResults) -> str:
    """Return how many claims are decided, and how, and how many runs are missing."""
    count = Counter(claim.verdict for claim in results.checked)
    decided = sum(count[verdict] for verdict in DECIDED)
    parts = [f"{count[verdict]} {verdict}" for verdict in (*DECIDED, "not decided", "not run") if count[verdict]]
    missing = f"; {formatting.count(len(results.unfinished), 'planned run')} not finished" if results.unfinished else ""
    published = sum(run.shown is not None for run in results.runs)
    source = f", {published} of them published with this repository" if published else ""
    return (
        f"{decided} of {formatting.count(len(results.checked), 'claim')} decided: {', '.join(parts)}. "
        f"{formatting.count(len(results.runs), 'run')} finished{source}{missing}."
    )


def _select(out: Path) -> SelectSettings:
    path = out / "plan" / "report.yaml"
    try:
        return SelectSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))["select"])
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. Run `dvc repro`.") from None
