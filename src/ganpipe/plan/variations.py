"""Resolution of the variations in `grid.experiments` into experiments.

Their names are valid as file names, as DVC stage names and as unquoted words of a shell.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ganpipe.common.variation import base_name, overrides_of
from ganpipe.config import Experiment, TrainSettings
from ganpipe.plan.problems import ConfigProblem, did_you_mean
from ganpipe.plan.resolve import ResolvedExperiment, merge_settings, resolve_experiment
from ganpipe.source.index import Index

_WORDS = {"true": True, "false": False, "null": None}
_INTEGER = re.compile(r"-?\d+")


def resolve_variations(
    names: Sequence[str],
    train: Mapping[str, Any],
    entries: Mapping[str, Any],
    index: Index,
) -> tuple[dict[str, ResolvedExperiment], list[ConfigProblem]]:
    """Resolve the variations among the experiments of the grid; return those that are valid, and all problems.

    Two experiments of the grid with the same base must differ in their settings. Unknown catalogue entries give no
    problem here: `check_sections` reports them.
    """
    resolved: dict[str, ResolvedExperiment] = {}
    problems: list[ConfigProblem] = []
    seen: dict[tuple[str, str], str] = {}
    for name in names:
        entry = entries.get(base_name(name))
        if not isinstance(entry, Mapping):
            continue
        if overrides := overrides_of(name):
            varied, found = _vary(name, overrides, train, entry, index)
            experiment = None
            if not found:
                experiment, found = resolve_experiment(name, train, varied, index)
            problems += found
            if experiment is None or found:
                continue
            resolved[name] = experiment
        else:
            experiment, _ = resolve_experiment(name, train, entry, index)
            if experiment is None:
                continue
        twin = seen.setdefault((base_name(name), experiment.settings.model_dump_json()), name)
        if twin != name:
            problems.append(ConfigProblem("grid.experiments", name, f"has the same settings as {twin}. Remove one."))
    return resolved, problems


def _vary(
    name: str, overrides: Mapping[str, str], train: Mapping[str, Any], entry: Mapping[str, Any], index: Index
) -> tuple[dict[str, Any], list[ConfigProblem]]:
    """Return the catalogue entry with the settings of a variation, and the paths that do not exist."""
    varied, problems = dict(entry), []
    merged = merge_settings(train, {key: entry[key] for key in entry if key not in Experiment.model_fields}, index)
    for path, text in overrides.items():
        setting, *inner = path.split(".")
        if setting not in TrainSettings.model_fields:
            problem = f"{setting} is no setting of train. {did_you_mean(setting, TrainSettings.model_fields)}"
            problems.append(ConfigProblem("grid.experiments", name, problem))
            continue
        default = TrainSettings.model_fields[setting].default
        try:
            varied[setting] = _replaced(varied.get(setting, merged.get(setting, default)), inner, parse_value(text))
        except LookupError:
            problem = f"{setting} has no element {'.'.join(inner)}. Correct the path."
            problems.append(ConfigProblem("grid.experiments", name, problem))
    varied["title"] = f"{entry.get('title', '')} ({', '.join(f'{path} {value}' for path, value in overrides.items())})"
    return varied, problems


def _replaced(current: Any, path: Sequence[str], value: Any) -> Any:
    """Return a copy of a setting whose element at `path` has another value. Raises LookupError if there is none."""
    if not path:
        return value
    first, *rest = path
    if isinstance(current, Mapping):
        return {**current, first: _replaced(current.get(first), rest, value)}
    if isinstance(current, list | tuple) and _INTEGER.fullmatch(first):
        elements = list(current)
        elements[int(first)] = _replaced(elements[int(first)], rest, value)
        return elements
    raise LookupError(first)


def parse_value(text: str) -> Any:
    """Return the value of `true`, `false`, `null`, an integer or a number; other text as it is."""
    if text in _WORDS:
        return _WORDS[text]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
