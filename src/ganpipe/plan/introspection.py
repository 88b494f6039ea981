"""What the source says of each method, without importing it: its networks, its sampler, the settings that it reads."""

import ast
from collections.abc import Iterator
from functools import cache
from typing import Any

from ganpipe.config import Training
from ganpipe.source.fingerprint import closure
from ganpipe.source.index import Index
from ganpipe.source.signature import constant

COMMON = frozenset(name for name, field in Training.model_fields.items() if field.is_required()) | {"method"}
"""Settings that say what a run is, whatever its method."""


def network_parts() -> frozenset[str]:
    """Settings that hold the options of a network."""
    return frozenset(name for name, field in Training.model_fields.items() if field.annotation == dict[str, Any])


def methods(index: Index) -> list[str]:
    """Names of the methods: the modules of `methods` that define `build`."""
    return [name for name in index.submodules("methods") if "build" in index.functions(f"methods.{name}")]


def networks(index: Index, method: str) -> list[str]:
    """Names of the networks that have the classes which a method takes from its network."""
    wanted = {place.split(".")[1] for place in _declared(index, method).values() if place.startswith("{network}")}
    found = ((name, index.module(f"{index.package}.nets.{name}").definitions) for name in index.submodules("nets"))
    return [name for name, definitions in found if wanted and wanted <= definitions.keys()]


def parts(index: Index, method: str, network: str) -> dict[str, tuple[str, str]]:
    """Section of network options -> the module of `nets` and the class in it that the section belongs to."""
    places = {part: place.format(network=network) for part, place in _declared(index, method).items()}
    return {part: (place.split(".")[0], place.split(".")[1]) for part, place in places.items()}


def needs_classes(index: Index, method: str) -> bool:
    """True for a method that can do nothing with data that has no classes."""
    return bool(constant(index, f"methods.{method}", "NEEDS_CLASSES"))


def sampler(index: Index, method: str) -> str:
    """The module of `samplers` that makes the images of a method; "" where its weights say so."""
    return str(constant(index, f"methods.{method}", "SAMPLER"))


@cache
def settings_read(index: Index, method: str) -> frozenset[str]:
    """The settings that the training loop and the method read: every `training.<setting>` that they reach."""
    reached = closure(index, ["training.loop.train", f"methods.{method}.build"]).values()
    return COMMON | {name for node in reached for name in _attributes(node) if name in Training.model_fields}


def _declared(index: Index, method: str) -> dict[str, str]:
    return dict(constant(index, f"methods.{method}", "PARTS"))


def _attributes(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "training":
            yield inner.attr
