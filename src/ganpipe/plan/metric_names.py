"""Names of all metrics, read from the source of `metrics/definitions.py` without importing torch."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_DEFINITIONS = Path(__file__).parents[1] / "metrics" / "definitions.py"


@cache
def _functions() -> dict[str, str]:
    """Map each metric name to its decorated function, in order of definition."""
    tree = ast.parse(_DEFINITIONS.read_text(encoding="utf-8"))
    return {
        ast.literal_eval(decorator.args[0]): node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "metric"
    }


def metric_names() -> tuple[str, ...]:
    """Return the names of all metrics in order of definition."""
    return tuple(_functions())


def definitions_of(names: Iterable[str]) -> list[str]:
    """Return the functions that define the metrics, as fingerprint roots. Raises KeyError for an unknown metric."""
    return [f"metrics.{_DEFINITIONS.stem}.{_functions()[name]}" for name in names]
