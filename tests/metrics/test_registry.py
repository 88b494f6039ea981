import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ganpipe.metrics.measure import lookup
from ganpipe.metrics.registry import METRICS, metric
from ganpipe.plan.metric_names import definitions_of, metric_names


def never(case: Any) -> float:
    raise AssertionError


@pytest.fixture(autouse=True)
def as_before_afterwards() -> Iterator[None]:
    lookup("fid")
    before = dict(METRICS)
    yield
    METRICS.clear()
    METRICS.update(before)


def test_a_decorated_function_is_a_metric() -> None:
    metric("new", direction="lower", minimum=7)(never)

    assert lookup("new").compute is never
    assert lookup("new").minimum == 7


def test_a_name_is_taken_once() -> None:
    with pytest.raises(ValueError, match="kid is registered already"):
        metric("kid", direction="lower")(never)


@pytest.mark.parametrize("properties", [{"direction": "up"}, {"direction": "lower", "needs": ("luck",)}])
def test_unknown_properties_are_refused(properties: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"luck|up"):
        metric("new", **properties)(never)


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no metric fd_jugde; there are .*fd_judge"):
        lookup("fd_jugde")


def test_names_read_from_the_source_are_those_registered() -> None:
    assert set(metric_names()) == set(METRICS)
    for name in metric_names():
        module, function = definitions_of([name])[0].rsplit(".", 1)
        compute = lookup(name).compute
        assert (f"ganpipe.{module}", function) == (compute.__module__, compute.__qualname__)


def test_an_unknown_name_has_no_definition() -> None:
    with pytest.raises(KeyError, match="luck"):
        definitions_of(["luck"])


def test_names_and_settings_need_no_torch() -> None:
    imports = "import sys, ganpipe.metrics.settings; from ganpipe.plan.metric_names import metric_names"
    code = f"{imports}; metric_names(); print('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
