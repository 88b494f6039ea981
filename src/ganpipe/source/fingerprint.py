"""Fingerprints of code: a digest of all definitions that a stage executes.

DVC tracks files, not imports. A fingerprint starts from a few roots (the training loop, this run's network, this run's
loss) and follows every name that they use through the package. It hashes the syntax trees found, without comments,
docstrings, type annotations of arguments and line numbers. So a fingerprint changes when the code that a run executes
changes, and not when another definition in the same file does.

Names are followed as text. What is looked up only at run time (`importlib`, a string in a table) must be a root of its
own. An ambiguous name counts for all its meanings: an error can only rerun too much. Code that cannot be followed this
way is rejected by `scripts/check_fingerprints.py`, a part of `make lint`.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from ganpipe.common.hashing import digest
from ganpipe.source.index import FUNCTIONS, Index, Module, import_targets, is_docstring

Definition = tuple[str, str]  # (dotted module, top-level name); the name "" denotes the module's side effects


def fingerprint(index: Index, roots: Iterable[str]) -> str:
    """Return the digest of all definitions reached from `roots`: dotted names without the package.

    `training.loop.train` is an example of a root. Raises KeyError if a root is not defined.
    """
    reached = closure(index, roots)
    return digest([[*key, _canonical_definition(index, key)] for key in sorted(reached)])


def closure(index: Index, roots: Iterable[str]) -> dict[Definition, ast.AST]:
    """Return all definitions reached from `roots`, by (module, name)."""
    pending = [_root(index, root) for root in roots]
    reached: dict[Definition, ast.AST] = {}
    while pending:
        key = pending.pop()
        if key in reached:
            continue
        reached[key] = _node(index, key)
        pending.extend(_next_definitions(index, key))
    return reached


# The closures of one plan overlap. An index never changes, so each definition is read once per index.


@cache
def _next_definitions(index: Index, key: Definition) -> tuple[Definition, ...]:
    """Return the definitions that a definition needs directly."""
    module = index.module(key[0])
    imported = ((name, "") for name in _imported_with(module.name))
    return (*imported, *_used_definitions(index, module, _node(index, key)))


@cache
def _canonical_definition(index: Index, key: Definition) -> Any:
    return _canonical(_node(index, key))


def _node(index: Index, key: Definition) -> ast.AST:
    """Return the syntax tree of a definition or of a module's side effects."""
    module = index.module(key[0])
    return module.definitions[key[1]] if key[1] else ast.Module(body=module.side_effects, type_ignores=[])


def _imported_with(module: str) -> Iterator[str]:
    """Yield the modules whose side effects take place when a module is imported: itself and its parent packages."""
    while module:
        yield module
        module = module.rpartition(".")[0]


def _root(index: Index, root: str) -> Definition:
    module, _, name = f"{index.package}.{root}".rpartition(".")
    if module not in index.names or name not in index.module(module).definitions:
        raise KeyError(f"no definition {root} in {index.package}")
    return module, name


def _used_definitions(index: Index, module: Module, node: ast.AST) -> Iterator[Definition]:
    imports = dict(module.imports)
    for inner in _walk(node):
        if isinstance(inner, ast.Import | ast.ImportFrom):
            imports.update(import_targets(inner, module.name))
    for name, attributes in _attribute_chains(node):
        if name in module.definitions:
            yield module.name, name
        if name in imports:
            yield from _imported_definitions(index, ".".join([imports[name], *attributes]))


def _imported_definitions(index: Index, dotted: str) -> Iterator[Definition]:
    located = index.locate(dotted)
    if located is None:
        return
    name, attribute = located
    target = index.module(name)
    if attribute in target.definitions:
        yield name, str(attribute)
    elif attribute in target.imports:
        yield from _imported_definitions(index, target.imports[str(attribute)])
    elif attribute is None:  # the module itself is passed on as an object: all its definitions count
        yield from ((name, definition) for definition in target.definitions)
    yield name, ""


def _attribute_chains(node: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Yield every `name.attribute.attribute` that is used, in its longest form."""
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
    """Yield the nodes that matter at run time, parents before children."""
    yield node
    for _, value in _fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child)


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Yield the fields that affect behaviour; empty ones are skipped, since Python versions differ in them."""
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
