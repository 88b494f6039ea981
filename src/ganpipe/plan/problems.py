"""Problems in `params.yaml`, collected and reported together: each with its key, its value and a suggested fix."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from ganpipe.common.errors import UserError
from ganpipe.common.scheduled_types import KINDS

SettingPath = tuple[str | int, ...]
"""Path of a setting inside nested mappings and lists, such as `("grid", "seeds", 0)`."""


@dataclass(frozen=True)
class ConfigProblem:
    """One invalid setting: its dotted key, its value (None: not shown), and what is wrong with it and how to fix it."""

    key: str
    value: Any
    problem: str

    def __str__(self) -> str:
        shown = "" if self.value is None else f" = {_short_repr(self.value)}"
        return f"{self.key}{shown}: {self.problem}"


def raise_problems(problems: Iterable[ConfigProblem]) -> None:
    """Raise one UserError that lists every distinct problem in order; return if there is none."""
    lines = list(dict.fromkeys(str(problem) for problem in problems))
    if lines:
        count = "one problem" if len(lines) == 1 else f"{len(lines)} problems"
        raise UserError.listing(f"params.yaml: {count}. Nothing was run.", lines)


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """Return a sentence that suggests the most similar valid names, or all of them if none is similar."""
    known = sorted(known)
    near = get_close_matches(str(name), known, n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(near)}?" if near else f"Choose one of: {', '.join(known)}."


def unknown_names(key: str, names: Iterable[str], kind: str, known: Iterable[str]) -> list[ConfigProblem]:
    """Return a problem for every name that is not in `known`."""
    known = list(known)
    return [
        ConfigProblem(key, name, f"no such {kind}. {did_you_mean(name, known)}") for name in names if name not in known
    ]


def format_path(path: SettingPath) -> str:
    """Format `("grid", "seeds", 0)` as `grid.seeds[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".").removesuffix(".[key]")


def problems_from_validation(
    error: ValidationError, model: type[BaseModel], location: Callable[[SettingPath], str] = format_path
) -> list[ConfigProblem]:
    """Convert pydantic's errors to problems; `location` maps a path inside `model` to a dotted key of the file."""
    problems = []
    for detail in error.errors(include_url=False):
        path = detail["loc"]
        kind, value = detail["type"], detail["input"]
        if kind == "extra_forbidden":
            problem, value = f"unknown key. {did_you_mean(path[-1], _fields_at(model, path[:-1]))}", None
        elif kind == "missing":
            problem, value = "missing. Add it.", None
        elif kind == "literal_error":
            choices = [choice.strip("' ") for choice in detail["ctx"]["expected"].replace(" or ", ", ").split(", ")]
            problem = f"no such value. {did_you_mean(value, choices)}"
        else:
            problem = _as_sentence(detail["msg"])
        path = tuple(part for part in path if part not in KINDS)
        problems.append(ConfigProblem(location(path), value, problem))
    return problems


def _fields_at(model: type[BaseModel], path: SettingPath) -> Iterable[str]:
    """Return the field names of the model at `path` inside `model`."""
    for part in path:
        model = KINDS.get(str(part)) or model
        inner: Any = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        for candidate in (inner, *getattr(inner, "__args__", ())):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return model.model_fields


def _as_sentence(message: str) -> str:
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    message = message[0].lower() + message[1:]
    return message if message.endswith(".") else f"{message}."


def _short_repr(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
