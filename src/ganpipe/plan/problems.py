"""Mistakes in `params.yaml`, collected so that all are told at once: each with key, value and cure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from ganpipe.common.errors import UserError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class ConfigError:
    """One wrong setting: where it stands, what stands there, why it is wrong and what to write instead."""

    key: str
    value: Any
    problem: str

    def __str__(self) -> str:
        shown = "" if self.value is None else f" = {_short(self.value)}"
        return f"{self.key}{shown}: {self.problem}"


def refuse(mistakes: Iterable[ConfigError]) -> None:
    """Raise one UserError that lists every mistake once, in order; nothing when there is none."""
    lines = list(dict.fromkeys(str(mistake) for mistake in mistakes))
    if lines:
        count = "one mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
        raise UserError.listing(f"params.yaml: {count}; nothing was run.", lines)


def did_you_mean(name: Any, known: Iterable[str]) -> str:
    """The nearest valid names, or all of them when none is near."""
    known = sorted(known)
    near = get_close_matches(str(name), known, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"choose one of: {', '.join(known)}"


def unknown(key: str, names: Iterable[str], kind: str, known: Iterable[str]) -> list[ConfigError]:
    """A mistake for every name that is not among the known ones."""
    known = list(known)
    return [
        ConfigError(key, name, f"no such {kind}; {did_you_mean(name, known)}") for name in names if name not in known
    ]


def from_validation(
    error: ValidationError, model: type[BaseModel], place: Callable[[Path], str] = lambda path: dotted(path)
) -> list[ConfigError]:
    """Turn pydantic's findings into mistakes; `place` says where in the file a path of the model stands."""
    found = []
    for detail in error.errors(include_url=False):
        path = detail["loc"]
        kind, value = detail["type"], detail["input"]
        if kind == "extra_forbidden":
            problem, value = f"unknown key; {did_you_mean(path[-1], _fields_at(model, path[:-1]))}", None
        elif kind == "missing":
            problem, value = "is missing; add it", None
        elif kind == "literal_error":
            choices = [choice.strip("' ") for choice in detail["ctx"]["expected"].replace(" or ", ", ").split(", ")]
            problem = did_you_mean(value, choices)
        else:
            problem = _sentence(detail["msg"])
        found.append(ConfigError(place(path), value, problem))
    return found


def dotted(path: Path) -> str:
    """`("grid", "seeds", 0)` as `grid.seeds[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".").removesuffix(".[key]")


def _fields_at(model: type[BaseModel], path: Path) -> Iterable[str]:
    for part in path:
        inner: Any = model.model_fields[str(part)].annotation if str(part) in model.model_fields else None
        for candidate in (inner, *getattr(inner, "__args__", ())):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                model = candidate
    return model.model_fields


def _sentence(message: str) -> str:
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    return message[0].lower() + message[1:]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
