"""Checks of the section `search`: every end of every range, and every listed value, must be a valid setting."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from ganpipe.config import Params, Range, TrainSettings
from ganpipe.plan.introspection import network_sections
from ganpipe.plan.objective_checks import check_objective
from ganpipe.plan.problems import ConfigProblem, did_you_mean, unknown_names
from ganpipe.plan.resolve import resolve_experiments
from ganpipe.source.index import Index

_FIXED = ("dataset", "epochs")
"""Settings that a search cannot vary: trials with other data or other epochs cannot be compared."""


def with_settings(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of `experiments` with other settings; `generator.width` names an option of a network."""
    changed = copy.deepcopy(dict(entry))
    for key, value in settings.items():
        section, _, option = key.partition(".")
        if option:
            changed[section] = {**(changed.get(section) or {}), option: value}
        else:
            changed[key] = value
    return changed


def check_search(params: Params, index: Index) -> Iterator[ConfigProblem]:
    """Check the names of experiments and settings, and each value in each of the experiments."""
    search = params.search
    yield from unknown_names("search.bases", search.bases, "experiment", params.experiments)
    if search.seeds > len(params.grid.seeds):
        yield ConfigProblem("search.seeds", search.seeds, "grid.seeds lists fewer seeds. Add seeds to grid.seeds.")
    known = [name for name in TrainSettings.model_fields if name not in _FIXED]
    for key, values in search.space.items():
        location, section = f"search.space.{key}", key.partition(".")[0]
        if section not in known or ("." in key and section not in network_sections()):
            problem = f"no setting that can be searched. {did_you_mean(key, known)}"
            yield ConfigProblem(location, None, problem)
            continue
        if search.sampler == "grid" and isinstance(values, Range) and values.step is None:
            yield ConfigProblem(location, None, "the sampler grid needs a list of values. Write one, or set step.")
        probes = (values.low, values.high) if isinstance(values, Range) else values
        for base in filter(params.experiments.__contains__, search.bases):
            for value in probes:
                yield from _check_value(params, index, base, key, value)


def _check_value(params: Params, index: Index, base: str, key: str, value: Any) -> Iterator[ConfigProblem]:
    """Return the problems of an experiment that it does not have without this value."""
    before = {str(problem) for problem in _problems(params, index, base, params.experiments[base])}
    entry = with_settings(params.experiments[base], {key: value})
    for problem in _problems(params, index, base, entry):
        if str(problem) not in before:
            yield ConfigProblem(f"search.space.{key}", value, f"not valid for {base}: {problem.problem}")


def _problems(params: Params, index: Index, name: str, entry: Mapping[str, Any]) -> list[ConfigProblem]:
    resolved, problems = resolve_experiments(params.train, {name: entry}, index)
    return problems + [problem for experiment in resolved.values() for problem in check_objective(experiment, index)]
