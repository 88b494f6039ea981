"""A race: run one rung after another until every dataset is decided or the budget is spent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ganpipe.common.errors import UserError
from ganpipe.common.formatting import count
from ganpipe.config import Params, Rung
from ganpipe.plan.build import Plan
from ganpipe.search.edit_params import Keys
from ganpipe.search.elimination import (
    Candidate,
    Outcome,
    Step,
    collapsed_in,
    decide_step,
    outcome,
    rung_confidence,
    rungs_of,
)
from ganpipe.search.scored_runs import GridSettings, ScoredRun


class Scores(Protocol):
    """Where the plans and the scores of runs come from (`scored_runs.ScoredRuns`)."""

    def plan(self, grid: GridSettings) -> Plan:
        """Return the plan of a grid."""

    def compute(self, grid: GridSettings) -> dict[str, ScoredRun]:
        """Return the scores of all runs of a grid."""

    def continues(self, run: Mapping[str, Any]) -> bool:
        """Return whether a planned run continues from a shorter one that differs only in its number of epochs."""


@dataclass(frozen=True)
class Budget:
    """Limits of a race; None: no limit. runs: trainings, each continuation included. seconds: of all trainings."""

    runs: int | None = None
    seconds: float | None = None


@dataclass
class Spent:
    """What the race has spent.

    runs: trainings, each continuation included. By run name: reached: epochs of its longest training; epochs, seconds:
    sums over all its trainings, which are larger if it cannot continue from a shorter one.
    """

    runs: int = 0
    reached: dict[str, int] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Ladder:
    """A race: its rungs so far, how each dataset ended, and what it cost.

    full_epochs: epochs of all trainings of the full grid. settings: of params.yaml, for the final ranking.
    """

    rungs: tuple[Rung, ...]
    confidence: float
    steps: tuple[Step, ...]
    outcomes: tuple[Outcome, ...]
    spent: Spent
    full_epochs: int
    settings: Mapping[Keys, Any]


def run_race(params: Params, scores: Scores, budget: Budget, report: Callable[[str], None] = lambda _: None) -> Ladder:
    """Run the race that params.yaml describes: its grid, `budget.epochs` and `race`.

    The decisions depend only on the scores and, for a budget in seconds, on the recorded training times, so a race that
    was killed and started again takes the same ones. report: receives a sentence before each rung.

    Raises UserError if there is nothing to decide, or if a stage fails.
    """
    grid, select = params.grid, params.select
    full = scores.plan(GridSettings(grid.experiments, grid.seeds, params.budget.epochs, {}))
    candidates = _candidates(full)
    _check(candidates, params)
    rungs = rungs_of(params.race, max(candidate.epochs for candidate in candidates.values()), len(grid.seeds))

    spent, steps, finished = Spent(), list[Step](), dict[str, Outcome]()
    active, collapsed = list(candidates), frozenset[str]()
    for position, rung in enumerate(rungs):
        last = position == len(rungs) - 1
        settings = GridSettings(active, grid.seeds[: rung.seeds], rung.epochs, {})
        plan = scores.plan(settings)
        if steps and _exceeds(budget, spent, plan, scores):
            break
        size = ", ".join((count(len(active), "experiment"), count(rung.epochs, "epoch"), count(rung.seeds, "seed")))
        report(f"rung {position + 1} of {len(rungs)}: {size}")
        runs = scores.compute(settings)
        _add(spent, plan, runs, scores)
        found = decide_step(
            [run.score for run in runs.values()],
            candidates, rungs, position, collapsed, select, params.race.catch_up,
        )  # fmt: skip
        steps += found.values()
        collapsed = frozenset[str]().union(*(collapsed_in(step) for step in found.values()))
        decided = [step for step in found.values() if last or len(step.kept) < 2]
        finished |= {step.board.dataset: outcome(step, last) for step in decided}
        active = [name for step in found.values() if step not in decided for name in step.kept]
        if not active:
            break
    for step in steps:
        if step.board.dataset not in finished or finished[step.board.dataset].kind == "budget":
            finished[step.board.dataset] = outcome(step, last=False)
    confidence = rung_confidence(select.confidence, len(rungs))
    return Ladder(
        rungs=rungs,
        confidence=confidence,
        steps=tuple(steps),
        outcomes=tuple(finished[name] for name in sorted(finished)),
        spent=spent,
        full_epochs=sum(document["train"]["epochs"] for document in full.runs.values()),
        settings=_final_settings(steps, grid.seeds, confidence),
    )


def _candidates(plan: Plan) -> dict[str, Candidate]:
    return {
        document["experiment"]: Candidate(
            document["experiment"], document["train"]["dataset"], document["train"]["epochs"]
        )
        for document in plan.runs.values()
    }


def _check(candidates: Mapping[str, Candidate], params: Params) -> None:
    """Raise UserError if the race cannot decide anything."""
    seeds = len(params.grid.seeds)
    if len(candidates) < 2:
        raise UserError("grid.experiments: only one experiment. A race needs at least two; add another one.")
    if seeds < 2:
        raise UserError("grid.seeds: only one seed, which cannot distinguish experiments. Use [0, 1, 2], for example.")
    most = max((rung.seeds for rung in params.race.rungs), default=0)
    if most > seeds:
        raise UserError(f"race.rungs: a rung with {most} seeds, but grid.seeds lists {seeds}. Add seeds to grid.seeds.")


def _exceeds(budget: Budget, spent: Spent, plan: Plan, scores: Scores) -> bool:
    """Return whether the next rung would exceed the budget; its seconds are estimated from those so far."""
    epochs = {name: document["train"]["epochs"] for name, document in plan.runs.items()}
    new = [name for name in epochs if epochs[name] > spent.reached.get(name, 0)]
    if budget.runs is not None and spent.runs + len(new) > budget.runs:
        return True
    if budget.seconds is None:
        return False
    experiments = {name: document["experiment"] for name, document in plan.runs.items()}
    per_epoch = {
        experiments[name]: spent.seconds[name] / spent.epochs[name] for name in plan.runs if name in spent.seconds
    }
    expected = 0.0
    for name in new:
        done = spent.reached.get(name, 0) if scores.continues(plan.runs[name]) else 0
        expected += per_epoch.get(experiments[name], 0.0) * (epochs[name] - done)
    return sum(spent.seconds.values()) + expected > budget.seconds


def _add(spent: Spent, plan: Plan, runs: Mapping[str, ScoredRun], scores: Scores) -> None:
    """Add the runs of a rung to what was spent."""
    for name, scored in runs.items():
        run = plan.runs[name]
        epochs = run["train"]["epochs"]
        if epochs <= spent.reached.get(name, 0):
            continue
        starts_over = not scores.continues(run)
        spent.runs += 1
        spent.reached[name] = epochs
        spent.epochs[name] = epochs + (spent.epochs.get(name, 0) if starts_over else 0)
        if scored.seconds is not None:
            spent.seconds[name] = scored.seconds + (spent.seconds.get(name, 0.0) if starts_over else 0.0)


def _final_settings(steps: Sequence[Step], seeds: Sequence[int], confidence: float) -> dict[Keys, Any]:
    """Return the settings whose grid has the final ranking: the experiments, seeds and epochs of the last rung."""
    rung = steps[-1].rung
    boards = [step.board for step in steps if step.rung == rung]
    ranked = [place.experiment for board in boards for place in board.places]
    unranked = [entry.experiment for board in boards for entry in board.unranked]
    return {
        ("grid", "datasets"): [board.dataset for board in boards],
        ("grid", "experiments"): ranked + unranked,
        ("grid", "seeds"): list(seeds[: rung.seeds]),
        ("budget", "epochs"): rung.epochs,
        ("select", "confidence"): confidence,
    }
