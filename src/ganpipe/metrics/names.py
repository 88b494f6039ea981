"""The names of all metrics, read from the source of the catalogue without running it, and so without torch."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_CATALOGUE = "catalogue"


@cache
def _functions() -> dict[str, str]:
    """Metric name -> name of the decorated function, in order of definition."""
    tree = ast.parse(Path(__file__).with_name(f"{_CATALOGUE}.py").read_text(encoding="utf-8"))
    return {
        ast.literal_eval(decorator.args[0]): node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "metric"
    }


def metric_names() -> tuple[str, ...]:
    """All metrics there are, in the order of the catalogue."""
    return tuple(_functions())


def definitions_of(names: Iterable[str]) -> list[str]:
    """The functions behind metrics, as dotted names in the package: where the fingerprint of their code begins.

    Raises KeyError for a name that is no metric.
    """
    return [f"metrics.{_CATALOGUE}.{_functions()[name]}" for name in names]
