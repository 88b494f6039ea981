"""The ranking for a terminal, with the seconds that the report must not hold."""

import json
import math
from pathlib import Path

from ganpipe.compare import wording
from ganpipe.compare.figures import axis_label
from ganpipe.compare.ranking import Board, rank
from ganpipe.compare.runs import Run, load_runs
from ganpipe.compare.settings import SelectSettings
from ganpipe.errors import UserError
from ganpipe.layout import root
from ganpipe.records.store import load
from ganpipe.text_table import text_table


def summary(out: Path) -> str:
    """One block per dataset: the ranking with measured seconds, the verdict, and the path of the report.

    Raises UserError when there is no report yet.
    """
    page = out / "report" / "report.html"
    try:
        record = json.loads((page.parent / "ranking.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{page} is not there yet: run `dvc repro`") from None
    runs = {run.name: run for run in load_runs(out)}
    ranking = rank((run.score for run in runs.values()), SelectSettings.model_validate(record["select"]))
    blocks = [_block(board, {name: _seconds(run) for name, run in runs.items()}) for board in ranking.boards]
    return "\n\n".join([*blocks, f"Report: {page}"])


def _block(board: Board, seconds: dict[str, float | None]) -> str:
    rows = [("rank", "experiment", axis_label(board), "seeds", "seconds to train a seed")]
    for place in board.places:
        value = wording.with_spread(place.mean, place.spread)
        rows.append((str(place.rank), place.experiment, value, str(len(place.runs)), _mean(seconds, place.runs)))
    for entry in board.unranked:
        rows.append((wording.NONE, entry.experiment, wording.NONE, str(len(entry.runs)), _mean(seconds, entry.runs)))
    lines = [text_table(rows)]
    lines += [f"{entry.experiment} is not ranked: {entry.reason}" for entry in board.unranked]
    return "\n".join([*lines, "", f"{wording.headline(board)}. {' '.join(wording.verdict(board))}"])


def _mean(seconds: dict[str, float | None], runs: tuple[str, ...]) -> str:
    known = [value for run in runs if (value := seconds[run]) is not None]
    return f"{math.fsum(known) / len(known):.0f}" if known else wording.NONE


def _seconds(run: Run) -> float | None:
    """Measured seconds of the training; None where DVC restored it from its cache."""
    part = load(root(), run.inputs["key"]).parts.get("train")
    return part.costs.get("seconds") if part else None
