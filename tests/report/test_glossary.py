from importlib import import_module

from ganpipe.metrics.registry import METRICS
from ganpipe.report.glossary import DEFINITIONS


def test_every_registered_metric_has_a_definition() -> None:
    import_module("ganpipe.metrics.definitions")  # registers the metrics
    assert METRICS.keys() == DEFINITIONS.keys()
