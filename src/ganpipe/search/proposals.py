"""The settings of the next trial of a search, as a pure function of the trials before it.

Optuna's samplers (Akiba et al., Optuna: a next-generation hyperparameter optimization framework, KDD 2019) draw from a
random stream that depends on the whole history of a process. Here every trial gets a sampler of its own, seeded by its
number, so that an interrupted search proposes the same trials again.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from ganpipe.common.hashing import digest
from ganpipe.config import Range, SearchSettings

RANDOM_TRIALS = 8
"""Trials before the sampler tpe uses their results."""

Space = Mapping[str, Range | tuple[Any, ...]]


@dataclass(frozen=True)
class Trial:
    """A trial and its result.

    settings: dotted setting -> value. costs: epochs -> the value that is minimised, after each rung that it reached;
    None if it could not be ranked there; empty if the settings exclude each other. complete: whether it reached the
    last rung with a value.
    """

    number: int
    settings: Mapping[str, Any]
    costs: Mapping[int, float | None]
    complete: bool

    @property
    def cost(self) -> float | None:
        """The value after the last rung; None if it did not get there."""
        return self.costs[max(self.costs)] if self.complete else None


def number_of_trials(search: SearchSettings) -> int:
    """Return the number of trials per base; the sampler grid has at most one for each combination."""
    return min(search.trials, len(_combinations(search.space))) if search.sampler == "grid" else search.trials


def propose(search: SearchSettings, earlier: Sequence[Trial], number: int, base: str) -> dict[str, Any]:
    """Return the settings of a trial: dotted setting -> value. earlier: all trials of the batches before its own."""
    if search.sampler == "grid":
        combinations = _combinations(search.space)
        order = np.random.default_rng(search.seed).permutation(len(combinations))
        return dict(zip(search.space, combinations[order[number]], strict=True))
    seed = int(digest([search.seed, number, base]), 16) % 2**32
    sampler: optuna.samplers.BaseSampler
    if search.sampler == "random":
        sampler = optuna.samplers.RandomSampler(seed=seed)
    else:
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=RANDOM_TRIALS)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize", sampler=sampler)
    study.add_trials([frozen(search, trial) for trial in earlier])
    asked = study.ask(_distributions(search.space))
    return {key: _value(search.space[key], asked.params[key]) for key in search.space}


def frozen(search: SearchSettings, trial: Trial) -> FrozenTrial:
    """Return a trial as Optuna's: complete, or pruned with the values of the rungs that it reached."""
    return create_trial(
        state=TrialState.COMPLETE if trial.complete else TrialState.PRUNED,
        params={key: _parameter(search.space[key], value) for key, value in trial.settings.items()},
        distributions=_distributions(search.space),
        value=trial.cost,
        intermediate_values={epochs: cost for epochs, cost in trial.costs.items() if cost is not None},
    )


def _distributions(space: Space) -> dict[str, BaseDistribution]:
    return {key: _distribution(values) for key, values in space.items()}


def _distribution(values: Range | tuple[Any, ...]) -> BaseDistribution:
    if not isinstance(values, Range):
        return CategoricalDistribution([json.dumps(value) for value in values])  # Optuna accepts no lists as choices
    if _whole(values):
        return IntDistribution(int(values.low), int(values.high), log=values.log, step=int(values.step or 1))
    return FloatDistribution(values.low, values.high, log=values.log, step=values.step)


def _whole(values: Range) -> bool:
    return all(isinstance(number, int) for number in (values.low, values.high, values.step or 1))


def _value(values: Range | tuple[Any, ...], parameter: Any) -> Any:
    if not isinstance(values, Range):
        return json.loads(parameter)
    if values.step is not None or _whole(values):
        return parameter
    return min(max(float(f"{parameter:.4g}"), values.low), values.high)  # few digits, for the written entry


def _parameter(values: Range | tuple[Any, ...], value: Any) -> Any:
    return value if isinstance(values, Range) else json.dumps(value)


def _combinations(space: Space) -> list[tuple[Any, ...]]:
    return list(itertools.product(*(_listed(values) for values in space.values())))


def _listed(values: Range | tuple[Any, ...]) -> Sequence[Any]:
    if not isinstance(values, Range):
        return [json.loads(json.dumps(value)) for value in values]
    step = values.step or 1
    count = int((values.high - values.low) / step + 1e-9) + 1
    return [values.low + index * step for index in range(count)]
