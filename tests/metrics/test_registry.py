import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ganpipe.metrics.registry import METRICS, lookup, metric
from ganpipe.plan.metric_names import declarations, definitions_of, metric_names


def never_called(evaluation: Any) -> float:
    raise AssertionError


@pytest.fixture(autouse=True)
def restored_registry() -> Iterator[None]:
    lookup("fid")
    before = dict(METRICS)
    yield
    METRICS.clear()
    METRICS.update(before)


def test_decorated_function_becomes_a_metric() -> None:
    metric("new", direction="lower", min_samples=7)(never_called)

    assert lookup("new").compute is never_called
    assert lookup("new").min_samples == 7


def test_duplicate_name_is_rejected() -> None:
    with pytest.raises(ValueError, match="kid: already registered"):
        metric("kid", direction="lower")(never_called)


@pytest.mark.parametrize("properties", [{"direction": "up"}, {"direction": "lower", "requires": ("luck",)}])
def test_unknown_properties_are_rejected(properties: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"luck|up"):
        metric("new", **properties)(never_called)


def test_error_for_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no metric fd_jugde; choose from .*fd_judge"):
        lookup("fd_jugde")


def test_names_read_from_the_source_equal_the_registered_names() -> None:
    assert set(metric_names()) == set(METRICS)
    for name in metric_names():
        module, function = definitions_of([name])[0].rsplit(".", 1)
        compute = lookup(name).compute
        assert (f"ganpipe.{module}", function) == (compute.__module__, compute.__qualname__)


def test_declarations_read_from_the_source_equal_the_registered_properties() -> None:
    for name, declaration in declarations().items():
        metric = lookup(name)
        assert (declaration.requires, declaration.real, declaration.min_samples) == (
            metric.requires,
            metric.real,
            metric.min_samples,
        )


def test_definition_of_an_unknown_name_is_rejected() -> None:
    with pytest.raises(KeyError, match="luck"):
        definitions_of(["luck"])


def test_names_and_settings_need_no_torch() -> None:
    imports = "import sys, ganpipe.metrics.settings; from ganpipe.plan.metric_names import metric_names"
    code = f"{imports}; metric_names(); print('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
