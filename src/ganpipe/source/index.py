"""An index of a package's top-level definitions, read from its syntax trees without importing it."""

import ast
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)


@dataclass(frozen=True)
class Module:
    """The top-level statements of one file.

    definitions: name -> the statement that binds it (function, class or assignment).
    imports: local name -> the dotted name that it refers to.
    side_effects: statements that bind no name but run at import; they belong to the code of every use of the module.
    """

    name: str
    definitions: dict[str, ast.stmt] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)
    side_effects: list[ast.stmt] = field(default_factory=list)


class Index:
    """The modules of the package in `folder`, each parsed on first access."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.package = folder.name
        self._modules: dict[str, Module] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        """The dotted names of all modules and packages."""
        parts = (path.relative_to(self.folder.parent).with_suffix("").parts for path in self.folder.rglob("*.py"))
        return frozenset(".".join(p[:-1] if p[-1] == "__init__" else p) for p in parts)

    def submodules(self, package: str) -> tuple[str, ...]:
        """Return the short names of the modules directly inside a package, sorted."""
        prefix = f"{self.package}.{package}."
        return tuple(
            sorted(
                n.removeprefix(prefix) for n in self.names if n.startswith(prefix) and n.count(".") == prefix.count(".")
            )
        )

    def module(self, name: str) -> Module:
        """Return the parsed module with a dotted name. Raises KeyError if there is none."""
        if name not in self.names:
            raise KeyError(name)
        if name not in self._modules:
            self._modules[name] = self._parse(name)
        return self._modules[name]

    def functions(self, module: str) -> dict[str, ast.FunctionDef]:
        """Return the public top-level functions of a module, given its name without the package."""
        found = self.module(f"{self.package}.{module}").definitions.items()
        return {name: node for name, node in found if isinstance(node, ast.FunctionDef) and not name.startswith("_")}

    def locate(self, dotted: str) -> tuple[str, str | None] | None:
        """Split a dotted name into (module, first attribute or None); None if it is outside the package."""
        parts = dotted.split(".")
        for length in range(len(parts), 0, -1):
            name = ".".join(parts[:length])
            if name in self.names:
                return name, parts[length] if length < len(parts) else None
        return None

    def _parse(self, name: str) -> Module:
        path = self.folder.parent.joinpath(*name.split("."))
        file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        is_package = path.is_dir()
        module = Module(name)
        for statement in ast.parse(file.read_text(encoding="utf-8"), filename=str(file)).body:
            if isinstance(statement, DEFINITIONS):
                module.definitions[statement.name] = statement
            elif isinstance(statement, ast.Import | ast.ImportFrom):
                module.imports.update(import_targets(statement, name, is_package))
            elif targets := bound_names(statement):
                for target in targets:
                    module.definitions[target] = statement
            elif not (is_docstring(statement) or _is_type_checking_block(statement)):
                module.side_effects.append(statement)
        return module


def import_targets(node: ast.Import | ast.ImportFrom, module: str, is_package: bool = False) -> dict[str, str]:
    """Map each local name that an import binds to its dotted name; relative imports are resolved against `module`."""
    if isinstance(node, ast.Import):
        return {
            alias.asname or alias.name.split(".")[0]: alias.name if alias.asname else alias.name.split(".")[0]
            for alias in node.names
        }
    base = node.module or ""
    if node.level:
        parents = module.split(".")
        anchor = parents[: len(parents) - node.level + is_package]
        base = ".".join([*anchor, *([base] if base else [])])
    return {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}


def bound_names(statement: ast.stmt) -> set[str]:
    """Return the names that a statement assigns to; the variables of a comprehension stay inside it."""
    inner = {
        id(name)
        for node in ast.walk(statement)
        if isinstance(node, ast.comprehension)
        for name in ast.walk(node.target)
    }
    names = (n for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return {name.id for name in names if id(name) not in inner}


def is_docstring(statement: ast.stmt) -> bool:
    """Return whether a statement is a bare string, which has no effect at run time."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _is_type_checking_block(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING")
