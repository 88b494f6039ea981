"""The runs of the current grid whose generators can be asked for images, and the winner among them."""

import json
from pathlib import Path

from ganpipe.common.errors import UserError
from ganpipe.plan import layout
from ganpipe.plan.problems import did_you_mean
from ganpipe.sampling.description import DESCRIPTION


def trained_runs() -> list[str]:
    """Names of the runs of the plan that have a generator, the winner first."""
    runs = [run for run in layout.planned_runs() if (layout.MODELS / run / DESCRIPTION).exists()]
    first = _winner()
    return sorted(runs, key=lambda run: (run != first, run))


def chosen_run(name: str | None) -> str:
    """The run of that name, or without a name the winner of the report.

    Raises UserError when there is no such run, or it has no generator.
    """
    planned = layout.planned_runs()
    if not planned:
        raise UserError(f"{layout.PLAN} holds no run: run `dvc repro` first")
    run = name or _winner()
    if run is None:
        raise UserError(f"there is no winner yet: run `dvc repro`, or name a run that is trained: {_listing()}")
    if run not in planned:
        raise UserError(f"run {run}: the grid has no such run; {did_you_mean(run, planned)}")
    if not (layout.MODELS / run / DESCRIPTION).exists():
        raise UserError(_why_untrained(run))
    return run


def _winner() -> str | None:
    """The best run of the winning experiment, of the first dataset that has one; None without a current report."""
    try:
        ranking = json.loads((layout.OUT / "report" / "ranking.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    best = [str(place["best_run"]) for board in ranking["boards"] for place in board["places"][:1]]
    return next((run for run in best if run in layout.planned_runs()), None)


def _why_untrained(run: str) -> str:
    status = _status(layout.MODELS / run / "status.json")
    if status is None:
        return f"run {run}: not trained yet: run `dvc repro train@{run}`, or take one of: {_listing()}"
    return f"run {run}: its training ended without a generator ({status}): take one of: {_listing()}"


def _status(path: Path) -> str | None:
    try:
        status = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return f"{status['status']} {status['reason']}".strip()


def _listing() -> str:
    return ", ".join(trained_runs()) or "none is"
