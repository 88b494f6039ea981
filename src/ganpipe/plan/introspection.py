"""What the source code declares about each method, read without importing it: networks, sampler, settings it uses."""

import ast
from collections.abc import Iterator
from functools import cache
from typing import Any

from ganpipe.config import Training
from ganpipe.source.fingerprint import closure
from ganpipe.source.index import Index
from ganpipe.source.signature import constant

ALWAYS_READ = frozenset(name for name, field in Training.model_fields.items() if field.is_required()) | {"method"}
"""Settings that belong to the identity of a run whatever its method."""


def network_sections() -> frozenset[str]:
    """Return the names of the settings that hold the options of a network: `generator`, `discriminator`, `encoder`."""
    return frozenset(name for name, field in Training.model_fields.items() if field.annotation == dict[str, Any])


def method_names(index: Index) -> list[str]:
    """Return the names of all methods: the modules of `methods` that build a model, or declare that they have none."""
    return [name for name in index.submodules("methods") if has_model(index, name) or takes_images(index, name)]


def has_model(index: Index, method: str) -> bool:
    """Return whether the method has a model, which is trained or loaded: its module defines `build`."""
    return "build" in index.functions(f"methods.{method}")


def takes_images(index: Index, method: str) -> bool:
    """Return whether the method takes images made elsewhere, without a model: its module defines `read_images`."""
    return "read_images" in index.functions(f"methods.{method}")


def training_roots(index: Index, method: str) -> list[str]:
    """Return the functions that the stage `train` of a method executes."""
    if takes_images(index, method):
        return ["training.given_images.import_images"]
    return ["training.loop.train", f"methods.{method}.build"]


def network_names(index: Index, method: str) -> list[str]:
    """Return the modules of `nets` that define every class which the method takes from its network."""
    references = _declared_parts(index, method).values()
    required = {reference.split(".")[1] for reference in references if reference.startswith("{network}")}
    found = ((name, index.module(f"{index.package}.nets.{name}").definitions) for name in index.submodules("nets"))
    return [name for name, definitions in found if required and required <= definitions.keys()]


def network_classes(index: Index, method: str, network: str) -> dict[str, tuple[str, str]]:
    """Return, for each section of network options, the module of `nets` and the class that the options are for."""
    references = {part: text.format(network=network) for part, text in _declared_parts(index, method).items()}
    return {part: (text.split(".")[0], text.split(".")[1]) for part, text in references.items()}


def requires_classes(index: Index, method: str) -> bool:
    """Return whether the method works only on data with class labels."""
    return bool(constant(index, f"methods.{method}", "NEEDS_CLASSES"))


def sampler_name(index: Index, method: str) -> str:
    """Return the module of `sampling.samplers` that the method samples with; "" if its weights name it."""
    return str(constant(index, f"methods.{method}", "SAMPLER"))


@cache
def settings_read(index: Index, method: str) -> frozenset[str]:
    """Return the settings that the training loop and the method read: every `training.<setting>` in their code."""
    reached = closure(index, training_roots(index, method)).values()
    return ALWAYS_READ | {name for node in reached for name in _attributes(node) if name in Training.model_fields}


def accepted_settings(index: Index, method: str) -> frozenset[str]:
    """Return the settings that an experiment with the method may have: those that it reads, and `keep` if it trains.

    `keep` selects among the results of a training, so it is no part of its identity.
    """
    return settings_read(index, method) | ({"keep"} if _declared_parts(index, method) else set())


def depends_on_epochs(index: Index, method: str) -> bool:
    """Return whether a method itself reads the number of epochs, as a schedule would.

    If not, only the training loop does: the first epochs of a longer training are those of a shorter one.
    """
    roots = [f"methods.{method}.build"] if has_model(index, method) else []
    return any("epochs" in _attributes(node) for node in closure(index, roots).values())


def _declared_parts(index: Index, method: str) -> dict[str, str]:
    return dict(constant(index, f"methods.{method}", "PARTS"))


def _attributes(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "training":
            yield inner.attr
