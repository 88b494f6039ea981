"""Fingerprints of code: which definitions a piece of work executes, hashed by their meaning.

DVC knows files, not imports. A fingerprint starts from a few definitions (the training loop, this run's network, this
run's loss) and follows every name they use through the package. It hashes the syntax trees so found without comments,
docstrings, type annotations of arguments and line numbers. So a fingerprint changes when the code that a run executes
changes, and at nothing else: not when a neighbour in the same file does.

Names are followed as text: a use that only exists at run time (`importlib`, a string in a table) must be given as a
root of its own. A name that could mean two things counts for both, so that an error can only rerun too much.
"""

import ast
from collections.abc import Iterable, Iterator
from typing import Any

from ganpipe.common.hashing import digest
from ganpipe.source.index import FUNCTIONS, Index, Module, import_targets, is_docstring

Definition = tuple[str, str]  # (dotted module, top-level name); the name "" stands for the module's loose statements


def fingerprint(index: Index, roots: Iterable[str]) -> str:
    """Digest of all definitions reached from `roots`, dotted names without the package: `training.loop.train`.

    Raises KeyError, naming the root, when there is no such definition.
    """
    reached = closure(index, roots)
    return digest([[module, name, _canonical(node)] for (module, name), node in sorted(reached.items())])


def closure(index: Index, roots: Iterable[str]) -> dict[Definition, ast.AST]:
    """All definitions reached from `roots`, by (module, name)."""
    waiting = [_root(index, root) for root in roots]
    reached: dict[Definition, ast.AST] = {}
    while waiting:
        key = waiting.pop()
        if key in reached:
            continue
        module = index.module(key[0])
        node = ast.Module(body=module.loose, type_ignores=[]) if key[1] == "" else module.definitions[key[1]]
        reached[key] = node
        waiting.append((module.name, ""))
        waiting.extend(_used(index, module, node))
    return reached


def _root(index: Index, root: str) -> Definition:
    module, _, name = f"{index.package}.{root}".rpartition(".")
    if module not in index.names or name not in index.module(module).definitions:
        raise KeyError(f"no definition {root} in {index.package}")
    return module, name


def _used(index: Index, module: Module, node: ast.AST) -> Iterator[Definition]:
    imports = dict(module.imports)
    for inner in _walk(node):
        if isinstance(inner, ast.Import | ast.ImportFrom):
            imports.update(import_targets(inner, module.name))
    for name, attributes in _chains(node):
        if name in module.definitions:
            yield module.name, name
        if name in imports:
            yield from _imported(index, ".".join([imports[name], *attributes]))


def _imported(index: Index, dotted: str) -> Iterator[Definition]:
    located = index.locate(dotted)
    if located is None:
        return
    name, attribute = located
    target = index.module(name)
    if attribute in target.definitions:
        yield name, str(attribute)
    elif attribute in target.imports:
        yield from _imported(index, target.imports[str(attribute)])
    elif attribute is None:  # the module itself is handed on: all of it counts
        yield from ((name, definition) for definition in target.definitions)
    yield name, ""


def _chains(node: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Every `name.attribute.attribute` that is used, longest form first met."""
    inside: set[int] = set()
    for inner in _walk(node):
        if id(inner) in inside:
            continue
        attributes: list[str] = []
        base = inner
        while isinstance(base, ast.Attribute):
            attributes.insert(0, base.attr)
            base = base.value
            inside.add(id(base))
        if isinstance(base, ast.Name):
            yield base.id, attributes


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes that matter at run time, parents before children."""
    yield node
    for _, value in _fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child)


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Fields that change what the code does, empty ones left out since Python versions differ in them."""
    for name, value in ast.iter_fields(node):
        if name in {"ctx", "kind", "type_comment", "type_params"}:
            continue
        if (isinstance(node, ast.arg) and name == "annotation") or (isinstance(node, FUNCTIONS) and name == "returns"):
            continue
        if name == "body" and isinstance(value, list):
            value = [statement for statement in value if not is_docstring(statement)]
        if value is not None and value != []:
            yield name, value


def _canonical(node: Any) -> Any:
    if isinstance(node, ast.AST):
        return [type(node).__name__, {name: _canonical(value) for name, value in _fields(node)}]
    if isinstance(node, list):
        return [_canonical(item) for item in node]
    if isinstance(node, str | bool | int | None):
        return node
    return [type(node).__name__, repr(node)]
