"""The comparison of the runs of the current plan, as files for people and for programs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganpipe.common.atomic import atomic_folder, write_text
from ganpipe.compare.history import read_history, write_epochs, write_steps
from ganpipe.compare.ranking import Ranking, rank
from ganpipe.compare.runs import load_runs
from ganpipe.config import SelectSettings
from ganpipe.report import render
from ganpipe.report.sections import DatasetSection, chapter


def report(out: Path, select: SelectSettings) -> Ranking:
    """Rank the runs under `out` and write `out/report`, whole or not at all.

    ranking.json, report.html (one file, nothing loaded from elsewhere), report.md with its figures, and for DVC the
    long tables history.csv (run, step, epoch, scalars) and epochs.csv and the few numbers of summary.json. The bytes
    depend on the files that were read and on `select` alone.

    Raises UserError when a file is missing or unreadable, and when the runs cannot be ranked (see `rank`).
    """
    runs = load_runs(out)
    ranking = rank((run.score for run in runs), select)
    histories = {run.name: read_history(run) for run in runs}
    with atomic_folder(out / "report") as folder:
        figures = folder / "figures"
        figures.mkdir()
        chapters = [
            chapter(
                board,
                [run for run in runs if run.dataset == board.dataset],
                histories,
                out / "prepared",
                figures,
            )
            for board in ranking.boards
        ]
        write_steps(histories, folder / "history.csv")
        write_epochs(histories, folder / "epochs.csv")
        write_text(folder / "ranking.json", _json(ranking, select, chapters))
        write_text(folder / "summary.json", json.dumps(_summary(ranking), indent=1) + "\n")
        write_text(folder / "report.html", render.html(chapters, select))
        write_text(folder / "report.md", render.markdown(chapters, select, folder))
    return ranking


def _json(ranking: Ranking, select: SelectSettings, chapters: Sequence[DatasetSection]) -> str:
    record: Mapping[str, Any] = {
        "select": select.model_dump(mode="json"),
        "boards": [asdict(board) for board in ranking.boards],
        "chains": {link.run: asdict(link) for part in chapters for link in part.chains},
    }
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _summary(ranking: Ranking) -> dict[str, Any]:
    """Per dataset the winner, and each experiment's mean of the metric that decides: a line of `dvc exp show`."""
    return {
        board.dataset: {
            "winner": board.winner.experiment if board.winner else "none",
            board.metric: {place.experiment: float(f"{place.mean:.6g}") for place in board.places},
        }
        for board in ranking.boards
    }
