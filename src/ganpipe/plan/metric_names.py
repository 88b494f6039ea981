"""Names and declared properties of all metrics, read from `metrics/definitions.py` without importing torch."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

_DEFINITIONS = Path(__file__).parents[1] / "metrics" / "definitions.py"


class MetricDeclaration(NamedTuple):
    """The decorated function of a metric and the arguments of its decorator that decide whether it can be computed."""

    function: str
    direction: str
    requires: tuple[str, ...]
    real: str
    min_samples: int


@cache
def declarations() -> dict[str, MetricDeclaration]:
    """Map each metric name to its declaration, in order of definition."""
    tree = ast.parse(_DEFINITIONS.read_text(encoding="utf-8"))
    return {
        ast.literal_eval(decorator.args[0]): _declaration(node.name, decorator)
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "metric"
    }


def metric_names() -> tuple[str, ...]:
    """Return the names of all metrics in order of definition."""
    return tuple(declarations())


def definitions_of(names: Iterable[str]) -> list[str]:
    """Return the functions that define the metrics, as fingerprint roots. Raises KeyError for an unknown metric."""
    return [f"metrics.{_DEFINITIONS.stem}.{declarations()[name].function}" for name in names]


def _declaration(function: str, decorator: ast.Call) -> MetricDeclaration:
    arguments = {keyword.arg: ast.literal_eval(keyword.value) for keyword in decorator.keywords}
    return MetricDeclaration(
        function,
        arguments["direction"],
        arguments.get("requires", ()),
        arguments.get("real", "none"),
        arguments.get("min_samples", 1),
    )
