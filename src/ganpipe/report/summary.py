"""The ranking for a terminal, with the seconds that the report must not hold."""

import json
import math
from pathlib import Path

from ganpipe.common import formatting
from ganpipe.common.checkout import root
from ganpipe.common.errors import UserError
from ganpipe.common.text_table import text_table
from ganpipe.compare.claim_checks import Seen
from ganpipe.compare.claims import judge, read_claims, table
from ganpipe.compare.history import read_history, union
from ganpipe.compare.ranking import Leaderboard, Ranking, rank
from ganpipe.compare.runs import Run, load_runs
from ganpipe.config import SelectSettings
from ganpipe.records.store import load
from ganpipe.report import text
from ganpipe.report.figures import axis_label


def summary(out: Path) -> str:
    """One block per dataset: the ranking with measured seconds, the verdict, and the path of the report.

    Raises UserError when there is no report yet.
    """
    runs, ranking = _ranked(out)
    seconds = {run.name: _seconds(run) for run in runs}
    return "\n\n".join([*(_block(board, seconds) for board in ranking.boards), f"Report: {_page(out)}"])


def documents(out: Path, claims: Path) -> str:
    """What the documents concluded beside what the last report shows, as a table in Markdown.

    Raises UserError when there is no report yet, and for mistakes in the file of the claims.
    """
    runs, ranking = _ranked(out)
    experiments = {
        name: [run for run in runs if run.experiment == name] for name in union([run.experiment] for run in runs)
    }
    histories = {run.name: read_history(run) for run in runs}
    return table(judge(read_claims(claims), Seen(experiments, histories, ranking)))


def _ranked(out: Path) -> tuple[tuple[Run, ...], Ranking]:
    """The runs of the last report, ranked as it ranked them."""
    try:
        record = json.loads((_page(out).parent / "ranking.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{_page(out)} is not there yet: run `dvc repro`") from None
    runs = load_runs(out)
    return runs, rank((run.score for run in runs), SelectSettings.model_validate(record["select"]))


def _page(out: Path) -> Path:
    return out / "report" / "report.html"


def _block(board: Leaderboard, seconds: dict[str, float | None]) -> str:
    rows = [("rank", "experiment", axis_label(board), "seeds", "seconds to train a seed")]
    for place in board.places:
        value = formatting.with_spread(place.mean, place.spread)
        rows.append((str(place.rank), place.experiment, value, str(len(place.runs)), _mean(seconds, place.runs)))
    for entry in board.unranked:
        rows.append(
            (formatting.NONE, entry.experiment, formatting.NONE, str(len(entry.runs)), _mean(seconds, entry.runs))
        )
    lines = [text_table(rows)]
    lines += [f"{entry.experiment} is not ranked: {entry.reason}" for entry in board.unranked]
    return "\n".join([*lines, "", f"{text.headline(board)}. {' '.join(text.verdict(board))}"])


def _mean(seconds: dict[str, float | None], runs: tuple[str, ...]) -> str:
    known = [value for run in runs if (value := seconds[run]) is not None]
    return f"{math.fsum(known) / len(known):.0f}" if known else formatting.NONE


def _seconds(run: Run) -> float | None:
    """Measured seconds of the training; None where DVC restored it from its cache."""
    part = load(root(), run.inputs["key"]).parts.get("train")
    return part.costs.get("seconds") if part else None
