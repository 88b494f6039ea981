"""The comparison of the runs of the current plan, as pages for readers and as files for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganpipe.common.atomic import atomic_folder, write_text
from ganpipe.compare.effects import grid_effects
from ganpipe.compare.history import read_history, write_epochs, write_steps
from ganpipe.compare.leaderboard import Ranking
from ganpipe.compare.ranking import rank
from ganpipe.compare.runs import load_runs
from ganpipe.config import SelectSettings
from ganpipe.report import render
from ganpipe.report.quality import write_quality
from ganpipe.report.sections import DatasetSection, dataset_section


def report(out: Path, select: SelectSettings) -> Ranking:
    """Rank the runs under `out` and write `out/report` atomically.

    Files: ranking.json; report.html, self-contained; report.md with its figures; for DVC summary.json and the tables
    history.csv, epochs.csv and quality.csv. Their bytes depend only on the input files and on `select`.

    Raises UserError if a file is missing or unreadable, or if the runs cannot be ranked (see `rank`).
    """
    runs = load_runs(out)
    ranking = rank((run.score for run in runs), select)
    plans = {run.name: run.plan for run in runs}
    effects = {board.dataset: grid_effects(board, plans, select.confidence) for board in ranking.boards}
    histories = {run.name: read_history(run) for run in runs}
    with atomic_folder(out / "report") as folder:
        figures = folder / "figures"
        figures.mkdir()
        sections = [
            dataset_section(
                board,
                effects[board.dataset],
                select.confidence,
                [run for run in runs if run.dataset == board.dataset],
                histories,
                out / "prepared",
                figures,
            )
            for board in ranking.boards
        ]
        write_steps(histories, folder / "history.csv")
        write_epochs(histories, folder / "epochs.csv")
        write_quality(runs, folder / "quality.csv")
        write_text(folder / "ranking.json", _json(ranking, select, sections))
        write_text(folder / "summary.json", json.dumps(_summary(ranking), indent=1) + "\n")
        write_text(folder / "report.html", render.html(sections, select))
        write_text(folder / "report.md", render.markdown(sections, select, folder))
    return ranking


def _json(ranking: Ranking, select: SelectSettings, sections: Sequence[DatasetSection]) -> str:
    record: Mapping[str, Any] = {
        "select": select.model_dump(mode="json"),
        "boards": [asdict(board) for board in ranking.boards],
        "chains": {run.run: asdict(run) for section in sections for run in section.provenance},
    }
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _summary(ranking: Ranking) -> dict[str, Any]:
    """Return first place, verdict and means of the ranked metric of every dataset: one row of `dvc exp show`."""
    return {
        board.dataset: {
            "winner": board.winner.experiment if board.winner else "none",
            "verdict": board.verdict.label,
            board.metric: {ranked.experiment: float(f"{ranked.mean:.6g}") for ranked in board.places},
        }
        for board in ranking.boards
    }
