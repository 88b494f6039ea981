"""Reject code that fingerprints cannot follow: `python scripts/check_fingerprints.py [package folder]`.

A fingerprint follows names through the syntax trees of the package (`ganpipe.source.fingerprint`). Code that finds its
names otherwise would run without being part of a fingerprint, and a change of it would rerun nothing. Prints
`<file>:<line>: <problem>` and exits with 1 if there is any.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path

from ganpipe.source.index import DEFINITIONS, Index, bound_names, import_targets

DYNAMIC_LOOKUPS = {
    "__main__": "finds subcommands, which no stage runs",
    "data.sources": "starts the download program, which is a root of `fetch`",
    "executors.job": "an executor decides where a training runs, not what it computes",
    "executors.launcher": "starts the processes of an executor",
    "executors.torchrun": "starts the processes of an executor",
    "methods.registry": "the method of a run is a root of `train`",
    "metrics.registry": "every computed metric is a root of `evaluate` and `reference`",
    "nets.registry": "the networks of a run are roots of `train`, its generator of `sample` and `evaluate`",
    "objectives.registry": "loss, penalty and augmentations of a run are roots of `train`",
    "report.render": "the page templates are part of the plan as files",
    "sampling.description": "the sampler of a run is a root of `sample` and `evaluate`",
    "source.signature": "runs in `plan`, which depends on all sources",
    "tracking.logging_connection": "MLflow receives results and does not change them",
    "tracking.models": "MLflow receives results and does not change them",
}
"""Modules that may look up others by a computed name, each with the reason why no fingerprint misses these."""

_DYNAMIC_CALLS = {"__import__", "eval", "exec", "globals", "import_module", "run_module", "run_path"}
_ANNOTATION_READERS = {"get_annotations", "get_type_hints", "singledispatch", "singledispatchmethod", "validate_call"}
_COMPOUND = (ast.If, ast.Try, ast.TryStar, ast.With, ast.For, ast.While, ast.Match)

Problem = tuple[int, str]  # line, what is wrong


def check(package: Path, declared: Mapping[str, str]) -> list[str]:
    """Return all problems of a package, as `file:line: problem`, sorted by file and line."""
    index = Index(package)
    found: list[tuple[str, int, str]] = []
    lookups: set[str] = set()
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        problems = [*_imports(tree), *_bindings(tree, index.package)]
        problems += [*_unresolved(tree, index, f"{index.package}.{name}"), *_annotations(tree)]
        for line, text in _lookups(tree, index):
            lookups.add(name)
            if name not in declared:
                advice = f"Use the name itself, or add {name} to DYNAMIC_LOOKUPS with the reason."
                problems.append((line, f"{text}. {advice}"))
        found += [(str(path), line, text) for line, text in problems]
    stale = sorted(declared.keys() - lookups)
    return [f"{path}:{line}: {text}" for path, line, text in sorted(found)] + [
        f"{__file__}:1: {name} has no dynamic lookup. Remove it from DYNAMIC_LOOKUPS." for name in stale
    ]


def _imports(tree: ast.Module) -> Iterator[Problem]:
    """Star imports, and conditional imports and definitions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
            yield node.lineno, "star import. Import the names."
    for statement in tree.body:
        if isinstance(statement, _COMPOUND) and not _is_allowed_condition(statement):
            for inner in ast.walk(statement):
                if isinstance(inner, (*DEFINITIONS, ast.Import, ast.ImportFrom)):
                    what = "definition" if isinstance(inner, DEFINITIONS) else "import"
                    yield inner.lineno, f"conditional {what}. Move it to the top level or into a function."


def _is_allowed_condition(statement: ast.stmt) -> bool:
    """Return whether a statement is `if TYPE_CHECKING` or `if __name__ == "__main__"`."""
    if not isinstance(statement, ast.If):
        return False
    test = ast.unparse(statement.test)
    return test.endswith("TYPE_CHECKING") or test == "__name__ == '__main__'"


def _bindings(tree: ast.Module, package: str) -> Iterator[Problem]:
    """Module-level names that are bound twice, and names of other modules that are assigned to."""
    bound: set[str] = set()
    for statement in tree.body:
        names: Iterable[str] = ()
        if isinstance(statement, DEFINITIONS):
            names = {statement.name}
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            names = _targets(statement)
        elif not _is_allowed_condition(statement):
            names = bound_names(statement)
        for name in sorted(names):
            if name in bound and not isinstance(statement, ast.Import):
                yield statement.lineno, f"{name} is bound twice. Use two names."
            bound.add(name)
    imported = _imported_names(tree)
    ours = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield node.lineno, f"global {', '.join(node.names)} rebinds a module-level name. Return a value instead."
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _base(node) in ours:
            yield node.lineno, f"{ast.unparse(node)} is rebound from outside its module. Pass a value instead."
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr" and _base(node.args[0]) in imported:
            yield node.lineno, f"{ast.unparse(node)} rebinds a name of another module. Pass a value instead."


def _unresolved(tree: ast.Module, index: Index, module: str) -> Iterator[Problem]:
    """Imports from the package of names that are not bound at the top level of their module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for dotted in import_targets(node, module).values():
                target, attribute = index.locate(dotted) or ("", None)
                source = index.module(target) if target else None
                if source and attribute not in (None, "*") and attribute not in source.definitions | source.imports:
                    yield node.lineno, f"{dotted} is not defined at the top level of {target}. Define it there."


def _annotations(tree: ast.Module) -> Iterator[Problem]:
    """Annotations that matter at run time but are not part of a fingerprint: of functions, and in quotes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = ast.unparse(node).rpartition(".")[2]
            if name in _ANNOTATION_READERS:
                yield node.lineno, f"{name} reads annotations of functions at run time. Pass the types as values."
        if isinstance(node, ast.ClassDef):
            for field in node.body:
                if isinstance(field, ast.AnnAssign) and any(
                    isinstance(inner, ast.Constant) and isinstance(inner.value, str) and not _in_literal(inner, field)
                    for inner in ast.walk(field.annotation)
                ):
                    yield field.lineno, "quoted annotation of a field. Import the type and remove the quotes."


def _in_literal(constant: ast.Constant, field: ast.AnnAssign) -> bool:
    """Return whether a string is a value (`Literal["a"]`, `Field(pattern="...")`) instead of the name of a type."""
    return any(
        constant in ast.walk(node)
        for node in ast.walk(field.annotation)
        if isinstance(node, ast.Call)
        or (isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("Literal"))
    )


def _lookups(tree: ast.Module, index: Index) -> Iterator[Problem]:
    """Code that finds other code by a computed name, or names a module as text."""
    imported = _imported_names(tree)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (problem := _dynamic_call(node, imported)):
            yield node.lineno, problem
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            module, _ = index.locate(node.value.rstrip(".")) or ("", None)
            if "." in module:
                yield node.lineno, f"{node.value!r} names a module as text"


def _dynamic_call(node: ast.Call, imported: Set[str]) -> str:
    """Return what is wrong with a call that finds code by a computed name, "" for any other call."""
    module, _, called = ast.unparse(node.func).rpartition(".")
    if called in _DYNAMIC_CALLS and module in ("", "builtins", "importlib", "runpy"):
        return f"{called}() finds code by a computed name"
    if called == "__subclasses__":
        return "__subclasses__() finds classes that nothing names"
    if called == "getattr" and node.args and _base(node.args[0]) in imported:
        return f"{ast.unparse(node)} finds code by a computed name"
    return ""


def _imported_names(tree: ast.Module) -> set[str]:
    return {name for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for name in _targets(node)}


def _targets(node: ast.Import | ast.ImportFrom) -> set[str]:
    return {alias.asname or alias.name.split(".")[0] for alias in node.names}


def _base(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def main(arguments: list[str]) -> int:
    """Check the package in the folder given, or this repository's."""
    own = Path(__file__).parents[1] / "src" / "ganpipe"
    problems = check(Path(arguments[0]), {}) if arguments else check(own, DYNAMIC_LOOKUPS)
    print("\n".join(problems) or "fingerprints can follow all code")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
