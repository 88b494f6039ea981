"""Options of a class, read from the keyword-only arguments of its `__init__` without importing it.

A network declares its options once, in its signature: `def __init__(self, ..., *, width: Count = 64)`. The planner
checks `params.yaml` against that signature in milliseconds, without importing torch.
"""

import ast
from typing import Any, Literal, Union

from pydantic import BaseModel, ConfigDict, create_model

from ganpipe.common import types
from ganpipe.source.index import Index

_BUILTIN: dict[str, Any] = {"int": int, "float": float, "bool": bool, "str": str, "None": None}


def options_model(index: Index, module: str, class_name: str) -> type[BaseModel]:
    """Return a pydantic model of the keyword-only options of a class; `module` is named without the package.

    Raises KeyError if there is no such class, TypeError if an option lacks a default or has an annotation that is
    neither a built-in type, a Literal nor a name of `ganpipe.common.types`.
    """
    node = index.module(f"{index.package}.{module}").definitions[class_name]
    assert isinstance(node, ast.ClassDef)
    init = next(n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__")
    fields: dict[str, Any] = {}
    for argument, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
        if argument.annotation is None or default is None:
            raise TypeError(f"{module}.{class_name}: option {argument.arg} needs an annotation and a default")
        fields[argument.arg] = (_type(argument.annotation), ast.literal_eval(default))
    return create_model(
        f"{class_name} options",
        __config__=ConfigDict(extra="forbid", frozen=True, validate_default=True),
        **fields,
    )


def constant(index: Index, module: str, name: str) -> Any:
    """Return the literal value of a module-level constant, or None if the module does not define it."""
    statement = index.module(f"{index.package}.{module}").definitions.get(name)
    value = getattr(statement, "value", None)
    return None if value is None else ast.literal_eval(value)


def _type(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.Name):
        if node.id in _BUILTIN:
            return _BUILTIN[node.id]
        if hasattr(types, node.id):
            return getattr(types, node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return Union[_type(node.left), _type(node.right)]  # noqa: UP007 - built at run time
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        if node.value.id == "Literal":
            values = ast.literal_eval(node.slice)
            return Literal[values]
        if node.value.id == "tuple" and isinstance(node.slice, ast.Tuple):
            return tuple[tuple(_item(item) for item in node.slice.elts)]  # type: ignore[misc]
    raise TypeError(f"line {node.lineno}: the planner cannot read the type {ast.unparse(node)}")


def _item(node: ast.expr) -> Any:
    return ... if isinstance(node, ast.Constant) and node.value is ... else _type(node)
