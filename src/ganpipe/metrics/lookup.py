"""Metrics by name."""

from importlib import import_module

from ganpipe.metrics.registry import METRICS, Metric


def lookup(name: str) -> Metric:
    """The metric of that name. Raises KeyError, with the names there are, when there is none."""
    import_module("ganpipe.metrics.catalogue")  # by name: a fingerprint must not reach every metric from here
    if name not in METRICS:
        raise KeyError(f"no metric {name}; there are {', '.join(sorted(METRICS))}")
    return METRICS[name]
