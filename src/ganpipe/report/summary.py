"""The ranking for a terminal, with the training times that the report does not contain."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from ganpipe.common import formatting
from ganpipe.common.checkout import root
from ganpipe.common.errors import UserError
from ganpipe.common.text_table import text_table
from ganpipe.compare.claim_checks import GridResults
from ganpipe.compare.claims import CheckedClaim, check_claims, read_claims
from ganpipe.compare.history import read_history, union
from ganpipe.compare.leaderboard import Leaderboard, Ranking
from ganpipe.compare.ranking import rank
from ganpipe.compare.runs import Run, load_runs
from ganpipe.config import SelectSettings
from ganpipe.records.store import load
from ganpipe.report import text
from ganpipe.report.figures import axis_label


def summary(out: Path) -> str:
    """Return one block per dataset (ranking, training times, verdict) and the path of the report.

    Raises UserError if there is no report yet.
    """
    runs, ranking = _ranked(out)
    seconds = {run.name: _seconds(run) for run in runs}
    return "\n\n".join([*(_block(board, seconds) for board in ranking.boards), f"Report: {_page(out)}"])


def documents(out: Path, claims: Path) -> str:
    """Return a Markdown table of the documents' conclusions and the results of the last report.

    Raises UserError if there is no report yet or the file of claims is invalid.
    """
    runs, ranking = _ranked(out)
    experiments = {
        name: [run for run in runs if run.experiment == name] for name in union([run.experiment] for run in runs)
    }
    histories = {run.name: read_history(run) for run in runs}
    return claims_table(check_claims(read_claims(claims), GridResults(experiments, histories, ranking)))


def claims_table(claims: Sequence[CheckedClaim]) -> str:
    """Return the checked claims as a Markdown table, followed by those whose experiments were not run."""
    lines = ["| experiment | document | its conclusion | observed here | |", "|---|---|---|---|---|"]
    for claim in claims:
        if claim.verdict != "not run":
            cells = (f"`{claim.experiment}`", claim.document, claim.conclusion, claim.observation, claim.verdict)
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    not_run = [claim for claim in claims if claim.verdict == "not run"]
    if not_run:
        names = ", ".join(f"`{name}`" for name in union([claim.experiment] for claim in not_run))
        lines += ["", f"Not run: {formatting.count(len(not_run), 'claim')} about {names}, or their comparisons."]
    return "\n".join(lines)


def _ranked(out: Path) -> tuple[tuple[Run, ...], Ranking]:
    """Return the runs of the last report and their ranking with the settings of that report."""
    try:
        record = json.loads((_page(out).parent / "ranking.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{_page(out)}: does not exist yet. Run `dvc repro`.") from None
    runs = load_runs(out)
    return runs, rank((run.score for run in runs), SelectSettings.model_validate(record["select"]))


def _page(out: Path) -> Path:
    return out / "report" / "report.html"


def _block(board: Leaderboard, seconds: dict[str, float | None]) -> str:
    rows = [("rank", "experiment", axis_label(board), "seeds", "training time per seed (s)")]
    for ranked in board.places:
        value = formatting.with_spread(ranked.mean, ranked.spread)
        rows.append((str(ranked.rank), ranked.experiment, value, str(len(ranked.runs)), _mean(seconds, ranked.runs)))
    for unranked in board.unranked:
        time = _mean(seconds, unranked.runs)
        rows.append((formatting.MISSING, unranked.experiment, formatting.MISSING, str(len(unranked.runs)), time))
    lines = [text_table(rows)]
    lines += [f"{unranked.experiment} is not ranked: {unranked.reason}" for unranked in board.unranked]
    return "\n".join([*lines, "", f"{text.headline(board)}. {' '.join(text.verdict(board))}"])


def _mean(seconds: dict[str, float | None], runs: tuple[str, ...]) -> str:
    known = [value for run in runs if (value := seconds[run]) is not None]
    return f"{math.fsum(known) / len(known):.0f}" if known else formatting.MISSING


def _seconds(run: Run) -> float | None:
    """Return the measured training time; None if DVC restored the model from its cache."""
    part = load(root(), run.inputs["key"]).parts.get("train")
    return part.costs.get("seconds") if part else None
