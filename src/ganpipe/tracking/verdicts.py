"""What the latest report says about each run: rank, winner or not, as tags and as the first sentence of its page."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganpipe.common.formatting import ranks
from ganpipe.records.outputs import DECISIVE
from ganpipe.records.store import Record, load
from ganpipe.tracking.push import describe, log, order_metrics, push_lock, set_state, state
from ganpipe.tracking.store import Store

_MOST_GRIDS = 50
_APPLIED = "verdicts"
"""Entry in the state of a report's run: digest of the report whose verdicts its runs show."""


@dataclass(frozen=True)
class Verdict:
    """What a report says about one run."""

    text: str
    tags: dict[str, str]
    metric: str


def show_verdicts(store: Store, grid: Record) -> bool:
    """Show the verdicts of a report on the runs that it ranks; return whether anything changed."""
    run, report = store.find(grid.key, "grid"), grid.parts["report"]
    if run is None or state(run).get(_APPLIED) == report.digest or "ranking.json" not in report.files:
        return False
    keys = json.loads(grid.path("report", "runs.json").read_text(encoding="utf-8"))
    ranking = json.loads(grid.path("report", "ranking.json").read_text(encoding="utf-8"))
    for name, verdict in verdicts(ranking, grid.key[:8]):
        record = load(store.root, keys[name]) if name in keys else None
        if record and record.parts:
            _show(store, record, verdict, grid)
    set_state(store, run, **{_APPLIED: report.digest})
    return True


def rank_range(place: Mapping[str, Any]) -> str:
    """Format the ranks of an entry of ranking.json; reports of the first versions state one rank only."""
    return ranks(place["rank"], place.get("last_rank", place["rank"]))


def verdicts(ranking: Mapping[str, Any], grid: str) -> Iterator[tuple[str, Verdict]]:
    """Yield the verdict on each run. ranking: content of ranking.json. grid: short name of the grid."""
    for board in ranking["boards"]:
        where = f"of {len(board['places'])} on {board['dataset']} by `{board['metric']}`"
        for place in board["places"]:
            winner, heading = _claim(board["verdict"], place["experiment"])
            seeds = f", mean of {len(place['runs'])} seeds" if len(place["runs"]) > 1 else ""
            text = f"{heading} {rank_range(place)} {where} ({place['mean']:.4g}{seeds}), grid {grid}."
            for run in place["runs"]:
                yield run, Verdict(text, {"winner": winner, "rank": str(place["rank"])}, board["metric"])
        for entry in board["unranked"]:
            for run in entry["runs"]:
                text = f"Not ranked: {entry['reason']}. Grid {grid}."
                yield run, Verdict(text, {"winner": "false", "rank": "none"}, board["metric"])


def _claim(verdict: Mapping[str, Any], experiment: str) -> tuple[str, str]:
    """Return what a verdict claims of a ranked experiment: the tag `winner`, and the words before the rank."""
    if verdict["kind"] == "one seed":
        return "undecided", f"Winner {verdict['label']}: provisional rank"
    if experiment not in verdict["candidates"]:
        return "false", "Rank"
    if verdict["kind"] in DECISIVE:
        return "true", "**Winner**: rank" if verdict["kind"] == "established" else "**Winner, unopposed**: rank"
    return "tie", f"**Tie** ({verdict['label']}): rank"


def _show(store: Store, record: Record, verdict: Verdict, grid: Record) -> None:
    with push_lock(store, record.key):
        run = store.find(record.key, record.kind)
        if run is None:
            return
        grids = [name for name in run.data.tags.get("grids", "").split(", ") if name]
        if grid.key[:8] not in grids:
            log(store, run.info.run_id, [], {"grids": ", ".join([*grids, grid.key[:8]][-_MOST_GRIDS:])})
        shown = state(run).get("verdict", {"started_ms": 0})
        if shown["started_ms"] <= grid.started_ms:  # else a later report is shown
            log(store, run.info.run_id, [], verdict.tags)
            set_state(
                store, run, verdict={"started_ms": grid.started_ms, "text": verdict.text, "metric": verdict.metric}
            )
            describe(store, run, record)
            order_metrics(store, run, record)
