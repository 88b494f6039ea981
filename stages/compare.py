"""Rank the runs of the plan, name the winner and write the report."""

from ganpipe.compare.ranking import Board
from ganpipe.compare.report import report
from ganpipe.compare.settings import SelectSettings
from ganpipe.layout import OUT, planned_runs, report_plan, root, run_inputs
from ganpipe.process import run_stage
from ganpipe.records import filing
from ganpipe.records.circumstances import Stopwatch, labels
from ganpipe.tracking.stage import Tracking


def winner_of(board: Board, keys: dict[str, str]) -> filing.Winner | None:
    """The best run of the winning experiment, with the number that decided."""
    if board.winner is None or board.protocol is None:
        return None
    run = board.winner.best_run
    value = board.winner.values[board.winner.runs.index(run)]
    return filing.Winner(
        run, keys[run], board.metric, value, "higher" if board.direction == "higher" else "lower", board.protocol
    )


def work(_: str) -> None:
    watch = Stopwatch()
    ranking = report(OUT, SelectSettings.model_validate(report_plan()["select"]))

    keys = {run: run_inputs(run)["key"] for run in planned_runs()}
    circumstances = filing.Circumstances(watch.started_ms, labels(), watch.costs())
    key = filing.report(root(), OUT / "report", keys, winner_of(ranking.boards[0], keys), circumstances)
    Tracking(root()).publish(key)


if __name__ == "__main__":
    run_stage(work)
