"""The ranking for a terminal, with the training times that the report does not contain."""

import json
import math
from pathlib import Path

from ganpipe.common import formatting
from ganpipe.common.checkout import root
from ganpipe.common.errors import UserError
from ganpipe.common.text_table import text_table
from ganpipe.compare.effects import grid_effects
from ganpipe.compare.leaderboard import Leaderboard, Ranking
from ganpipe.compare.ranking import rank
from ganpipe.compare.runs import Run, load_runs
from ganpipe.config import SelectSettings
from ganpipe.records.store import load
from ganpipe.report import text
from ganpipe.report.effects import effects_summary
from ganpipe.report.figures import axis_label
from ganpipe.report.ranking_table import ranking_rows


def summary(out: Path) -> str:
    """Return one block per dataset (ranking, training times, verdict) and the path of the report.

    Raises UserError if there is no report yet.
    """
    runs, ranking, select = _ranked(out)
    seconds = {run.name: _seconds(run) for run in runs}
    plans = {run.name: run.plan for run in runs}
    blocks = []
    for board in ranking.boards:
        remarks = text.remarks(board, [run for run in runs if run.dataset == board.dataset])
        blocks.append(" ".join([_block(board, select.confidence, seconds), *remarks]))
        for effects in grid_effects(board, plans, select.confidence):
            lines = [f"- {sentence}" for sentence in effects_summary(effects, select.confidence)]
            blocks.append("\n".join([f"Settings of {effects.base}:", *lines]))
    return "\n\n".join([*blocks, f"Report: {_page(out)}"])


def _ranked(out: Path) -> tuple[tuple[Run, ...], Ranking, SelectSettings]:
    """Return the runs of the last report, their ranking, and the settings of that report."""
    try:
        record = json.loads((_page(out).parent / "ranking.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{_page(out)}: does not exist yet. Run `dvc repro`.") from None
    runs = load_runs(out)
    select = SelectSettings.model_validate(record["select"])
    return runs, rank((run.score for run in runs), select), select


def _page(out: Path) -> Path:
    return out / "report" / "report.html"


def _block(board: Leaderboard, confidence: float, seconds: dict[str, float | None]) -> str:
    interval = f"{formatting.percent(confidence)} interval"
    rows = [("rank", "experiment", axis_label(board), interval, "seeds", "training time per seed (s)")]
    for row, place in zip(ranking_rows(board), board.places, strict=True):
        rows.append((row.rank, row.experiment, row.mean, row.interval, row.seeds, _mean(seconds, place.runs)))
    for unranked in board.unranked:
        count, time = str(len(unranked.runs)), _mean(seconds, unranked.runs)
        rows.append((formatting.MISSING, unranked.experiment, formatting.MISSING, formatting.MISSING, count, time))
    lines = [text_table(rows)]
    lines += [f"{unranked.experiment} is not ranked: {unranked.reason}" for unranked in board.unranked]
    return "\n".join([*lines, "", f"{text.headline(board)}. {' '.join(text.verdict(board, confidence))}"])


def _mean(seconds: dict[str, float | None], runs: tuple[str, ...]) -> str:
    known = [value for run in runs if (value := seconds[run]) is not None]
    return f"{math.fsum(known) / len(known):.0f}" if known else formatting.MISSING


def _seconds(run: Run) -> float | None:
    """Return the measured training time; None if DVC restored the model from its cache."""
    part = load(root(), run.inputs["key"]).parts.get("train")
    return part.costs.get("seconds") if part else None
