"""Resolve `params.yaml` into trainings: `grid` x `train` x `experiments` under `budget`."""

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from ganpipe.common.errors import UserError
from ganpipe.config import Experiment, Params, Training, TrainSettings
from ganpipe.data.given_images import given_digest, path_of_seed
from ganpipe.plan.introspection import (
    accepted_settings,
    method_names,
    network_classes,
    network_names,
    network_sections,
)
from ganpipe.plan.problems import ConfigProblem, SettingPath, did_you_mean, format_path, problems_from_validation
from ganpipe.plan.weights import weights_digest
from ganpipe.source.index import Index
from ganpipe.source.signature import options_model

NETWORK_SECTIONS = network_sections()
_PLACEHOLDERS: dict[str, Any] = {"batch_size": 2, "epochs": 1}
"""Values for invalid settings without a default, so that the rest of an experiment is still checked; never planned."""


@dataclass(frozen=True)
class ResolvedExperiment:
    """One experiment of the catalogue merged with the shared settings, before seed and budget.

    overrides: the settings that the experiment itself contains; all others come from `train`.
    """

    name: str
    description: Experiment
    settings: TrainSettings
    overrides: Mapping[str, Any]

    def location(self, *path: str | int) -> str:
        """Return the dotted key of a setting in `params.yaml`."""
        return setting_location(self.name, self.overrides, path)


def setting_location(experiment: str, overrides: Mapping[str, Any], path: SettingPath) -> str:
    """Return the dotted key of an experiment's setting: under the experiment if it overrides it, else under `train`."""
    section = "grid.experiments" if "+" in experiment else "experiments"  # a variation is defined by its name
    depth = 2 if path[0] in NETWORK_SECTIONS else 1
    branch: Any = overrides
    for part in path[:depth]:
        if not isinstance(branch, Mapping) or part not in branch:
            return f"train.{format_path(path)}"
        branch = branch[part]
    return f"{section}.{experiment}.{format_path(path)}"


def read_params(params: Path) -> dict[str, Any]:
    """Read `params.yaml` without validation. Raises UserError if the file is missing or malformed."""
    try:
        content = yaml.safe_load(params.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{params}: no such file. Run this command in the folder that contains it.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # also: not UTF-8, impossible date, endless nesting
        raise UserError(f"{params}: not valid YAML ({error}). Correct it.") from error
    if not isinstance(content, dict):
        raise UserError(f"{params}: not a mapping. Write the sections {', '.join(Params.model_fields)}.")
    return content


def parse_params(content: Mapping[str, Any]) -> tuple[Params | None, list[ConfigProblem]]:
    """Validate the content of `params.yaml`; return it typed, and its problems.

    Invalid keys are removed so that the rest can still be checked; None if too little remains.
    """
    try:
        return Params.model_validate(content), []
    except ValidationError as error:
        problems = problems_from_validation(error, Params)
        remaining = copy.deepcopy(dict(content))
        for detail in reversed(error.errors()):
            _remove(remaining, [part for part in detail["loc"] if part != "[key]"])
    try:
        return Params.model_validate(remaining), problems
    except ValidationError:
        return None, problems


def _remove(content: Any, path: Sequence[str | int]) -> None:
    *parents, last = path
    with suppress(LookupError, TypeError):
        for part in parents:
            content = content[part]
        del content[last]


def resolve_experiments(
    train: Any, experiments: Any, index: Index
) -> tuple[dict[str, ResolvedExperiment], list[ConfigProblem]]:
    """Merge every experiment of the catalogue with `train`; return them without invalid settings, and all problems.

    Sections that are not mappings, and names that are not text, give no problem here: `parse_params` reports them.
    """
    resolved: dict[str, ResolvedExperiment] = {}
    problems: list[ConfigProblem] = []
    if not (isinstance(train, Mapping) and isinstance(experiments, Mapping)):
        return resolved, problems
    for name, entry in experiments.items():
        if not isinstance(name, str):
            continue
        experiment, found = resolve_experiment(name, train, entry, index)
        problems += found
        if experiment is not None:
            resolved[name] = experiment
    return resolved, problems


def resolve_experiment(
    name: str, train: Mapping[str, Any], entry: Any, index: Index
) -> tuple[ResolvedExperiment | None, list[ConfigProblem]]:
    """Merge one experiment with `train`; return it without invalid settings (None if too little remains)."""
    if not isinstance(entry, Mapping):
        problem = "not a mapping. Write settings, or {} for none."
        return None, [ConfigProblem(f"experiments.{name}", entry, problem)]
    described = {key: entry[key] for key in Experiment.model_fields if key in entry}
    overrides = {key: value for key, value in entry.items() if key not in described}
    merged = merge_settings(train, overrides, index)

    def location(path: SettingPath) -> str:
        if path and path[0] in Experiment.model_fields:
            return f"experiments.{name}.{format_path(path)}"
        return setting_location(name, overrides, path)

    problems: list[ConfigProblem] = []
    try:
        description = Experiment.model_validate(described)
    except ValidationError as error:
        problems += problems_from_validation(error, Experiment, location)
        description = Experiment(document="", title="")
    try:
        settings = TrainSettings.model_validate(merged)
    except ValidationError as error:
        problems += problems_from_validation(error, TrainSettings, location)
        invalid = {detail["loc"][0] for detail in error.errors()}
        valid = {key: value for key, value in merged.items() if key not in invalid}
        try:
            settings = TrainSettings.model_validate(_PLACEHOLDERS | valid)
        except ValidationError:
            return None, problems
    methods = method_names(index)
    if settings.method not in methods:
        problem = f"no such method. {did_you_mean(settings.method, methods)}"
        return None, [*problems, ConfigProblem(location(("method",)), settings.method, problem)]
    problems += [
        ConfigProblem(location((key,)), value, f"not used by the method {settings.method}. Remove it.")
        for key, value in overrides.items()
        if key in TrainSettings.model_fields and key not in accepted_settings(index, settings.method)
    ]
    settings, found = _with_network_options(settings, index, location)
    return ResolvedExperiment(name, description, settings, overrides), problems + found


def merge_settings(train: Mapping[str, Any], overrides: Mapping[str, Any], index: Index) -> dict[str, Any]:
    """Merge an experiment's settings with the shared ones that apply to it.

    A shared setting applies if the experiment's method accepts it; shared options of a network apply if the experiment
    uses the same network class for that part.
    """
    merged = {**train, **overrides}
    method, classes = _method_and_classes(merged, index)
    _, shared_classes = _method_and_classes(train, index)
    if method in method_names(index):
        unread = TrainSettings.model_fields.keys() - accepted_settings(index, method)
        merged = {key: value for key, value in merged.items() if key in overrides or key not in unread}
    for part in classes:
        shared, changed = train.get(part) or {}, overrides.get(part) or {}
        if isinstance(shared, Mapping) and isinstance(changed, Mapping):
            applies = classes[part] == shared_classes.get(part)
            merged[part] = {**(shared if applies else {}), **changed}
    return merged


def _method_and_classes(settings: Mapping[str, Any], index: Index) -> tuple[str, dict[str, tuple[str, str]]]:
    """Return the method of unvalidated settings and its network classes; no classes if the method does not exist."""
    method, network = (str(settings.get(key, TrainSettings.model_fields[key].default)) for key in ("method", "network"))
    return method, network_classes(index, method, network) if method in method_names(index) else {}


def _with_network_options(
    settings: TrainSettings, index: Index, location: Callable[[SettingPath], str]
) -> tuple[TrainSettings, list[ConfigProblem]]:
    """Check the options of all networks against the networks' signatures and fill in the defaults."""
    usable = network_names(index, settings.method)
    if usable and settings.network not in usable:
        exists = settings.network in index.submodules("nets")
        problem = f"not usable by the method {settings.method}" if exists else "no such network"
        advice = did_you_mean(settings.network, usable)
        return settings, [ConfigProblem(location(("network",)), settings.network, f"{problem}. {advice}")]
    checked: dict[str, dict[str, Any]] = {}
    problems: list[ConfigProblem] = []
    for part, (module, class_name) in network_classes(index, settings.method, settings.network).items():
        model: type[BaseModel] = options_model(index, f"nets.{module}", class_name)

        def part_location(path: SettingPath, part: str = part) -> str:
            return location((part, *path))

        try:
            checked[part] = model.model_validate(getattr(settings, part)).model_dump(mode="json")
        except ValidationError as error:
            problems += problems_from_validation(error, model, part_location)
    return settings.model_copy(update=checked), problems


def expand_runs(params: Params, experiment: ResolvedExperiment) -> list[Training]:
    """Return the trainings of one experiment: one for each seed of the grid, capped by the budget."""
    settings = experiment.settings
    epochs = min(filter(None, (settings.epochs, params.budget.epochs)))
    paths = {seed: path_of_seed(settings.path, seed) for seed in params.grid.seeds if settings.path}
    digests = {path: given_digest(path) for path in set(paths.values())}
    return [
        Training(
            **{**settings.model_dump(), "epochs": epochs},
            images=params.budget.images,
            seed=seed,
            threads=params.compute.threads,
            instructions=params.compute.instructions,
            lowering=params.compute.lowering,
            precision=params.compute.precision,
            processes=params.compute.processes,
            weights_sha256=weights_digest(settings.weights),
            path_sha256=digests[paths[seed]] if settings.path else None,
        )
        for seed in params.grid.seeds
    ]
