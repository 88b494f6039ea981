"""A search: batches of trials, proposed from the results of all earlier batches and pruned on rungs of epochs."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganpipe.common.errors import UserError
from ganpipe.common.formatting import count
from ganpipe.compare.costs import as_cost, ranked_value
from ganpipe.compare.ranking import UNRANKED, deciding
from ganpipe.compare.runs import Score
from ganpipe.config import Params, SelectSettings
from ganpipe.plan.search_checks import with_settings
from ganpipe.search.elimination import rungs_of
from ganpipe.search.proposals import Trial, number_of_trials, propose
from ganpipe.search.race import Scores
from ganpipe.search.scored_runs import GridSettings

KEPT = 3
"""Of the trials that reached a rung, one in this many continues."""

_LONGEST_BASE = 50  # the names of experiments have at most 60 characters


@dataclass(frozen=True)
class Study:
    """The trials of one base experiment, in the order of their numbers."""

    base: str
    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial | None:
        """The complete trial with the lowest cost, the first of several; None if there is none."""
        complete = [trial for trial in self.trials if trial.cost is not None]
        return min(complete, key=lambda trial: (trial.cost, trial.number), default=None)


def found_name(base: str, number: int) -> str:
    """Return the name of a trial's entry in `experiments`."""
    return f"found-{base[:_LONGEST_BASE]}-{number}"


def found_entry(params: Params, base: str, number: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a trial's entry in `experiments`: that of its base with other settings."""
    described = {"document": "own", "title": f"Trial {number} of a search from {base}"}
    return with_settings({**params.experiments[base], **described}, settings)


def run_search(
    params: Params,
    scores: Scores,
    report: Callable[[str], None] = lambda _: None,
    store: Callable[[Study], None] = lambda _: None,
) -> tuple[Study, ...]:
    """Run the search that params.yaml describes: the same number of trials from each experiment in `search.bases`.

    Proposals and pruning depend only on settings and scores, so a search that was killed and started again has the same
    trials, however many stages run at once. report: receives a sentence before each rung. store: receives the trials so
    far after each batch.

    Raises UserError if there is nothing to search, or if a stage fails.
    """
    search = params.search
    if not search.bases or not search.space:
        raise UserError("search: no experiments or no settings. List them under search.bases and search.space.")
    return tuple(_search_from(base, params, scores, report, store) for base in search.bases)


def _search_from(
    base: str, params: Params, scores: Scores, report: Callable[[str], None], store: Callable[[Study], None]
) -> Study:
    search, trials, total = params.search, list[Trial](), number_of_trials(params.search)
    rungs = _rungs(base, params, scores)
    while len(trials) < total:
        numbers = range(len(trials), min(len(trials) + search.batch, total))
        settings = {number: propose(search, trials, number, base) for number in numbers}
        entries = {number: found_entry(params, base, number, settings[number]) for number in numbers}
        costs: dict[int, dict[int, float | None]] = {number: {} for number in numbers}
        invalid = {number: _problems(base, number, entries[number], params, scores) for number in numbers}
        for number in filter(invalid.get, numbers):
            report(f"{base}, trial {number} is skipped, its settings exclude each other:{invalid[number]}")
        active = [number for number in numbers if not invalid[number]]
        for epochs in rungs:
            if not active:
                break
            report(
                f"{base}, trials {numbers[0]} to {numbers[-1]}: {count(len(active), 'trial')}, {count(epochs, 'epoch')}"
            )
            found = _costs(base, {number: entries[number] for number in active}, epochs, params, scores)
            for number in active:
                costs[number][epochs] = found[number]
            if epochs != rungs[-1]:
                active = promoted([trial.costs.get(epochs) for trial in trials], found)
        last = rungs[-1]
        trials += [
            Trial(number, settings[number], costs[number], costs[number].get(last) is not None) for number in numbers
        ]
        store(Study(base, tuple(trials)))
    return Study(base, tuple(trials))


def promoted(earlier: Sequence[float | None], costs: Mapping[int, float | None]) -> list[int]:
    """Return the trials of a batch that continue after a rung.

    Those among the best third of all trials that reached it so far: asynchronous successive halving (Li et al., A
    system for massively parallel hyperparameter tuning, 2020), with whole batches in place of single trials, so that
    the decision does not depend on which trial ends first. Trials without a value never continue.

    earlier: costs of the trials of earlier batches. costs: trial -> cost.
    """
    known = sorted(cost for cost in (*earlier, *costs.values()) if cost is not None)
    limit = known[: math.ceil(len(known) / KEPT)]
    return [number for number, cost in costs.items() if cost is not None and cost <= limit[-1]]


def _rungs(base: str, params: Params, scores: Scores) -> tuple[int, ...]:
    if params.search.rungs:
        return params.search.rungs
    plan = scores.plan(GridSettings([base], params.grid.seeds[:1], params.budget.epochs, {}))
    epochs = max(run["train"]["epochs"] for run in plan.runs.values())
    return tuple(rung.epochs for rung in rungs_of(params.race.model_copy(update={"rungs": ()}), epochs, 2))


def _problems(base: str, number: int, entry: Mapping[str, Any], params: Params, scores: Scores) -> str:
    """Return what is wrong with a trial's settings, a line per problem; empty if they can be planned.

    `plan` checks every value of the space alone, since the combinations may be countless.
    """
    name = found_name(base, number)
    try:
        scores.plan(GridSettings([name], params.grid.seeds[:1], params.budget.epochs, {name: entry}))
    except UserError as error:
        return str(error).removeprefix(str(error).partition("\n")[0])
    return ""


def _costs(
    base: str, entries: Mapping[int, Mapping[str, Any]], epochs: int, params: Params, scores: Scores
) -> dict[int, float | None]:
    """Return the value of each trial that is minimised, after so many epochs."""
    names = {number: found_name(base, number) for number in entries}
    named = {names[number]: entry for number, entry in entries.items()}
    seeds = params.grid.seeds[: params.search.seeds]
    runs = scores.compute(GridSettings(list(named), seeds, epochs, named)).values()
    by_name = {name: [run.score for run in runs if run.score.experiment == name] for name in named}
    return {number: _cost(by_name[name], params.select) for number, name in names.items()}


def _cost(scores: Sequence[Score], select: SelectSettings) -> float | None:
    """Return the mean over the seeds as a number that increases as the result gets worse; None if a run failed."""
    costs, select = [], deciding(scores, select)
    for score in scores:
        metric = score.metrics.get(select.metric)
        if score.status in UNRANKED or metric is None:
            return None
        direction = select.direction or metric.direction
        costs.append(as_cost(ranked_value(metric, direction), direction))
    return math.fsum(costs) / len(costs)
