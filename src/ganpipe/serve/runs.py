"""The runs of the current grid that have a generator, and the winner among them."""

import json
from pathlib import Path

from ganpipe.common.errors import UserError
from ganpipe.plan import layout
from ganpipe.plan.problems import did_you_mean
from ganpipe.sampling.description import DESCRIPTION, GIVEN_IMAGES


def trained_runs() -> list[str]:
    """Return the names of the planned runs that have a generator, the winner first."""
    runs = [run for run in layout.planned_runs() if (layout.MODELS / run / DESCRIPTION).exists()]
    first = _winner()
    return sorted(runs, key=lambda run: (run != first, run))


def select_run(name: str | None) -> str:
    """Return the name if such a run has a generator; without a name, the winner of the report.

    Raises UserError if there is no such run or it has no generator.
    """
    planned = layout.planned_runs()
    if not planned:
        raise UserError(f"{layout.PLAN}: contains no run. Run `dvc repro` first.")
    run = name or _winner()
    if run is None:
        raise UserError(f"no winner yet. Run `dvc repro`, or name a trained run: {_trained()}.")
    if run not in planned:
        raise UserError(f"run {run}: not in the grid. {did_you_mean(run, planned)}")
    if not (layout.MODELS / run / DESCRIPTION).exists():
        raise UserError(_no_generator(run))
    return run


def _winner() -> str | None:
    """Return the best run of the winning experiment, on the first dataset that has one; None without a report."""
    try:
        ranking = json.loads((layout.OUT / "report" / "ranking.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    best = [str(ranked["best_run"]) for board in ranking["boards"] for ranked in board["places"][:1]]
    return next((run for run in best if run in layout.planned_runs()), None)


def _no_generator(run: str) -> str:
    status = _status(layout.MODELS / run / "status.json")
    if status is None:
        return f"run {run}: not trained yet. Run `dvc repro train@{run}`, or choose one of: {_trained()}."
    if (layout.MODELS / run / GIVEN_IMAGES).exists():
        return f"run {run}: its images were made elsewhere, so it has no generator. Choose one of: {_trained()}."
    return f"run {run}: the training failed ({status}). Choose one of: {_trained()}."


def _status(path: Path) -> str | None:
    try:
        status = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return f"{status['status']}: {status['reason']}"


def _trained() -> str:
    return ", ".join(trained_runs()) or "none yet"
