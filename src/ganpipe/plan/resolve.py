"""Join the sections of `params.yaml` into runs: `grid` x `train` x `experiments` under `budget`."""

import copy
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from ganpipe.common.errors import UserError
from ganpipe.config import Experiment, Sections, Training, TrainSettings
from ganpipe.plan.introspection import methods, network_parts, networks, parts, settings_read
from ganpipe.plan.problems import ConfigError, did_you_mean, dotted, from_validation
from ganpipe.plan.problems import Path as Place
from ganpipe.plan.weights import weights_digest
from ganpipe.source.index import Index
from ganpipe.source.signature import options_model

NETWORK_PARTS = network_parts()
_STAND_INS: dict[str, Any] = {"batch_size": 2, "epochs": 1}
"""For mistaken settings that have no default, so that the rest of an entry is still checked; never planned."""


@dataclass(frozen=True)
class Entry:
    """One experiment of the catalogue with the shared settings filled in, before seed and budget.

    own: the keys that the entry sets itself; a mistake elsewhere stands under `train`.
    """

    name: str
    about: Experiment
    settings: TrainSettings
    own: Mapping[str, Any]

    def place(self, path: Place) -> str:
        """Where a setting of this entry stands in the file."""
        return place_of(self.name, self.own, path)


def place_of(experiment: str, own: Mapping[str, Any], path: Place) -> str:
    """Where in the file the setting at `path` of an experiment stands: in its entry or under `train`."""
    depth = 2 if path[0] in NETWORK_PARTS else 1
    branch: Any = own
    for part in path[:depth]:
        if not isinstance(branch, Mapping) or part not in branch:
            return f"train.{dotted(path)}"
        branch = branch[part]
    return f"experiments.{experiment}.{dotted(path)}"


def read(params: Path) -> dict[str, Any]:
    """The content of `params.yaml`, unchecked. Raises UserError for a missing or malformed file."""
    try:
        content = yaml.safe_load(params.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{params} is not there: run this from the folder that holds it") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # not UTF-8, no such date, nested without end
        raise UserError(f"{params} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{params} must hold the sections {', '.join(Sections.model_fields)}")
    return content


def sections_of(content: Mapping[str, Any]) -> tuple[Sections | None, list[ConfigError]]:
    """The sections, and the mistakes in them.

    With mistakes, the sections are those without the mistaken keys, so that the rest can still be checked; None when
    nothing sensible is left.
    """
    try:
        return Sections.model_validate(content), []
    except ValidationError as error:
        mistakes = from_validation(error, Sections)
        sound = copy.deepcopy(dict(content))
        for detail in reversed(error.errors()):
            _remove(sound, [part for part in detail["loc"] if part != "[key]"])
    try:
        return Sections.model_validate(sound), mistakes
    except ValidationError:
        return None, mistakes


def _remove(content: Any, path: Sequence[str | int]) -> None:
    *parents, last = path
    with suppress(LookupError, TypeError):
        for part in parents:
            content = content[part]
        del content[last]


def entries_of(train: Any, experiments: Any, index: Index) -> tuple[dict[str, Entry], list[ConfigError]]:
    """All catalogue entries joined with `train`, and their mistakes; an entry stands without its mistaken settings.

    What is no mapping at all was told of by `sections_of`.
    """
    entries: dict[str, Entry] = {}
    mistakes: list[ConfigError] = []
    if not (isinstance(train, Mapping) and isinstance(experiments, Mapping)):
        return entries, mistakes
    for name, own in experiments.items():
        entry, found = _entry(name, train, own, index)
        mistakes += found
        if entry is not None:
            entries[name] = entry
    return entries, mistakes


def _entry(name: str, train: Mapping[str, Any], own: Any, index: Index) -> tuple[Entry | None, list[ConfigError]]:
    if not isinstance(own, Mapping):
        return None, [ConfigError(f"experiments.{name}", own, "must be a mapping of settings, or {} for none")]
    about = {key: own[key] for key in Experiment.model_fields if key in own}
    changes = {key: value for key, value in own.items() if key not in about}
    merged = join(train, changes, index)

    def place(path: Place) -> str:
        if path and path[0] in Experiment.model_fields:
            return f"experiments.{name}.{dotted(path)}"
        return place_of(name, changes, path)

    mistakes: list[ConfigError] = []
    try:
        described = Experiment.model_validate(about)
    except ValidationError as error:
        mistakes += from_validation(error, Experiment, place)
        described = Experiment(document="", title="")
    try:
        settings = TrainSettings.model_validate(merged)
    except ValidationError as error:
        mistakes += from_validation(error, TrainSettings, place)
        wrong = {detail["loc"][0] for detail in error.errors()}
        try:
            settings = TrainSettings.model_validate(
                _STAND_INS | {key: value for key, value in merged.items() if key not in wrong}
            )
        except ValidationError:
            return None, mistakes
    if settings.method not in methods(index):
        problem = f"no such method; {did_you_mean(settings.method, methods(index))}"
        return None, [*mistakes, ConfigError(place(("method",)), settings.method, problem)]
    mistakes += [
        ConfigError(place((key,)), value, f"the method {settings.method} does not read it; take it out")
        for key, value in changes.items()
        if key in TrainSettings.model_fields and key not in settings_read(index, settings.method)
    ]
    settings, found = _with_network_options(settings, index, place)
    return Entry(name, described, settings, changes), mistakes + found


def join(train: Mapping[str, Any], own: Mapping[str, Any], index: Index) -> dict[str, Any]:
    """The entry's settings over the shared ones that reach it.

    A shared setting reaches the entries whose method reads it, and shared options of a network those that use it for
    the same part.
    """
    merged = {**train, **own}
    method, theirs = _parts(merged, index)
    _, shared_parts = _parts(train, index)
    if method in methods(index):
        unread = TrainSettings.model_fields.keys() - settings_read(index, method)
        merged = {key: value for key, value in merged.items() if key in own or key not in unread}
    for part in theirs:
        shared, changed = train.get(part) or {}, own.get(part) or {}
        if isinstance(shared, Mapping) and isinstance(changed, Mapping):
            reaches = theirs[part] == shared_parts.get(part)
            merged[part] = {**(shared if reaches else {}), **changed}
    return merged


def _parts(settings: Mapping[str, Any], index: Index) -> tuple[str, dict[str, tuple[str, str]]]:
    """The method of unchecked settings and the classes of its networks; no classes where there is no such method."""
    method, network = (str(settings.get(key, TrainSettings.model_fields[key].default)) for key in ("method", "network"))
    return method, parts(index, method, network) if method in methods(index) else {}


def _with_network_options(settings: TrainSettings, index: Index, place: Any) -> tuple[TrainSettings, list[ConfigError]]:
    """Check the options of all networks against their signatures and fill in the defaults."""
    known = networks(index, settings.method)
    if known and settings.network not in known:
        exists = settings.network in index.submodules("nets")
        problem = f"the method {settings.method} cannot use it" if exists else "no such network"
        cure = did_you_mean(settings.network, known)
        return settings, [ConfigError(place(("network",)), settings.network, f"{problem}; {cure}")]
    checked: dict[str, dict[str, Any]] = {}
    mistakes: list[ConfigError] = []
    for part, (module, class_name) in parts(index, settings.method, settings.network).items():
        model: type[BaseModel] = options_model(index, f"nets.{module}", class_name)
        try:
            checked[part] = model.model_validate(getattr(settings, part)).model_dump(mode="json")
        except ValidationError as error:
            mistakes += from_validation(error, model, lambda path, part=part: place((part, *path)))  # type: ignore[misc]
    return settings.model_copy(update=checked), mistakes


def runs_of(sections: Sections, entry: Entry) -> list[Training]:
    """The trainings that one entry stands for: one per seed, under the budget."""
    epochs = min(filter(None, (entry.settings.epochs, sections.budget.epochs)))
    return [
        Training(
            **{**entry.settings.model_dump(), "epochs": epochs},
            images=sections.budget.images,
            seed=seed,
            threads=sections.compute.threads,
            lowering=sections.compute.lowering,
            precision=sections.compute.precision,
            processes=sections.compute.processes,
            weights_sha256=weights_digest(entry.settings.weights),
        )
        for seed in sections.grid.seeds
    ]
