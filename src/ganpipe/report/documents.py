"""The documents' conclusions checked against the finished runs of the plan, as a table."""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import yaml

from ganpipe.common import formatting
from ganpipe.common.errors import UserError
from ganpipe.compare.claim_checks import GridResults
from ganpipe.compare.claims import DECIDED, CheckedClaim, DocumentedExperiment, check_claims, read_claims
from ganpipe.compare.runs import Run, load_finished_runs
from ganpipe.config import SelectSettings


@dataclass(frozen=True)
class DocumentResults:
    """All claims with their verdicts, and every run of the plan: finished, or still to do.

    unfinished: names of planned runs without a score of their present plan.
    """

    claims: Mapping[str, DocumentedExperiment]
    checked: Sequence[CheckedClaim]
    runs: Sequence[Run]
    unfinished: Sequence[str]

    def of(self, document: str) -> list[CheckedClaim]:
        """Return the claims of a document."""
        return [claim for claim in self.checked if claim.document == document]


def document_results(out: Path, claims: Path, outdated: Set[str] = frozenset()) -> DocumentResults:
    """Check all claims against the runs under `out` that have finished.

    outdated: runs whose files belong to an earlier plan; they count as unfinished. Raises UserError if there is no
    plan, or if the file of claims is invalid.
    """
    documented = read_claims(claims)
    scored, unscored = load_finished_runs(out)
    unfinished = sorted({*unscored, *(run.name for run in scored if run.name in outdated)})
    finished = tuple(run for run in scored if run.name not in outdated)
    experiments = {name: [run for run in finished if run.experiment == name] for name in documented}
    incomplete = {name.rpartition("-")[0] for name in unfinished}  # some seeds are missing: a mean would mislead
    complete = {name: runs for name, runs in experiments.items() if name not in incomplete}
    checked = check_claims(documented, GridResults(complete, _select(out)))
    return DocumentResults(documented, checked, finished, unfinished)


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
    return (
        f"{decided} of {formatting.count(len(results.checked), 'claim')} decided: {', '.join(parts)}. "
        f"{formatting.count(len(results.runs), 'run')} finished{missing}."
    )


def _select(out: Path) -> SelectSettings:
    path = out / "plan" / "report.yaml"
    try:
        return SelectSettings.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))["select"])
    except FileNotFoundError:
        raise UserError(f"{path}: no such file. Run `dvc repro`.") from None
