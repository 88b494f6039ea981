"""A race as text: for the terminal, as Markdown and as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganpipe.common import formatting
from ganpipe.common.atomic import write_text
from ganpipe.common.text_table import text_table
from ganpipe.search.edit_params import as_yaml
from ganpipe.search.elimination import Outcome, Step
from ganpipe.search.race import Ladder

_SENTENCES = {
    "winner": "{names} wins.",
    "tie": "tie: {names} cannot be distinguished with these seeds.",
    "none": "no winner: no experiment could be ranked.",
    "budget": "undecided: the budget is spent; {names} could still win.",
}


def write_ladder(ladder: Ladder, folder: Path) -> None:
    """Write ladder.md and ladder.json; both are functions of the decisions, without measured seconds."""
    write_text(folder / "ladder.md", as_markdown(ladder))
    write_text(folder / "ladder.json", json.dumps(_document(ladder), indent=1) + "\n")


def as_text(ladder: Ladder) -> str:
    """Return the ladder for the terminal."""
    blocks = ["\n".join((_title(ladder, step), "", text_table(_rows(step)), *_reasons(step))) for step in ladder.steps]
    seconds = f"; {sum(ladder.spent.seconds.values()):.0f} s of training" if ladder.spent.seconds else ""
    return "\n\n".join([*blocks, "\n".join(_conclusions(ladder)), f"{_cost(ladder)}{seconds}.", _final(ladder)])


def as_markdown(ladder: Ladder) -> str:
    """Return the ladder as a page."""
    blocks = ["# Race", *_conclusions(ladder), f"{_cost(ladder)}."]
    for step in ladder.steps:
        header, *rows = _rows(step)
        lines = [_line(header), _line(["---"] * len(header)), *map(_line, rows)]
        blocks += [f"## {_title(ladder, step)}", "\n".join(lines), *_reasons(step)]
    comment, _, settings = _final(ladder).partition("\n\n")
    return "\n\n".join([*blocks, comment, f"```yaml\n{settings}\n```"]) + "\n"


def _title(ladder: Ladder, step: Step) -> str:
    position = ladder.rungs.index(step.rung) + 1
    return (
        f"Rung {position} of {len(ladder.rungs)}, {step.board.dataset}: at most "
        f"{formatting.count(step.rung.epochs, 'epoch')}, {formatting.count(step.rung.seeds, 'seed')}"
    )


def _rows(step: Step) -> list[Sequence[str]]:
    dropped = {entry.experiment for entry in step.dropped}
    rows: list[Sequence[str]] = [("rank", "experiment", step.board.metric, "interval", "decision")]
    for place in step.board.places:
        bounds = map(formatting.number, place.interval or ())
        interval = " to ".join(bounds) or formatting.MISSING
        decision = "dropped" if place.experiment in dropped else "stays"
        rank, mean = formatting.ranks(place.rank, place.last_rank), formatting.number(place.mean)
        rows.append((rank, place.experiment, mean, interval, decision))
    for entry in step.board.unranked:
        decision = "dropped" if entry.experiment in dropped else "stays"
        rows.append((formatting.MISSING, entry.experiment, formatting.MISSING, formatting.MISSING, decision))
    return rows


def _reasons(step: Step) -> list[str]:
    """Why experiments were dropped, or kept although they have no rank: one sentence each."""
    dropped = {entry.experiment for entry in step.dropped}
    waiting = [entry for entry in step.board.unranked if entry.experiment not in dropped]
    return [
        *(f"{entry.experiment} was dropped: {entry.reason}." for entry in step.dropped),
        *(f"{entry.experiment} stays, since more epochs may help: {entry.reason}." for entry in waiting),
    ]


def _conclusions(ladder: Ladder) -> list[str]:
    return [f"{result.dataset}: {_sentence(result)}" for result in ladder.outcomes]


def _sentence(result: Outcome) -> str:
    return _SENTENCES[result.kind].format(names=" and ".join(result.experiments))


def _cost(ladder: Ladder) -> str:
    epochs = sum(ladder.spent.epochs.values())
    share = formatting.percent(epochs / ladder.full_epochs)
    return f"{epochs} of the {ladder.full_epochs} epochs of the full grid ({share}), in {ladder.spent.runs} trainings"


def _final(ladder: Ladder) -> str:
    return f"The settings of the final ranking, which `dvc repro` shows without training:\n\n{as_yaml(ladder.settings)}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _document(ladder: Ladder) -> dict[str, Any]:
    return {
        "confidence_per_rung": ladder.confidence,
        "rungs": [rung.model_dump() for rung in ladder.rungs],
        "steps": [
            {
                "dataset": step.board.dataset,
                "rung": step.rung.model_dump(),
                "metric": step.board.metric,
                "ranking": [
                    {"experiment": place.experiment, "rank": place.rank, "mean": place.mean, "values": place.values}
                    for place in step.board.places
                ],
                "unranked": {entry.experiment: entry.reason for entry in step.board.unranked},
                "dropped": {entry.experiment: entry.reason for entry in step.dropped},
                "kept": step.kept,
            }
            for step in ladder.steps
        ],
        "outcomes": {
            result.dataset: {"kind": result.kind, "experiments": result.experiments} for result in ladder.outcomes
        },
        "epochs": sum(ladder.spent.epochs.values()),
        "full_epochs": ladder.full_epochs,
        "settings": {".".join(keys): value for keys, value in ladder.settings.items()},
    }
