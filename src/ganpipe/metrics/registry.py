"""The registry of metrics: decorating a function makes it a metric."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Literal, get_args

from ganpipe.common.types import Direction
from ganpipe.metrics.evaluation import Evaluation, Requirement

RealSource = Literal["train", "subset", "imagenet", "trained", "heldout", "none"]
"""Real images that a value is computed against: the train split without `evaluate.selection`, `evaluate.real` images of
it, at most `extractors.imagenet.IMAGES` of it, the whole train split (what a generator may have copied), the held-out
split."""

Compute = Callable[[Evaluation], float]


@dataclass(frozen=True)
class Metric:
    """A registered metric. `min_samples` is the smallest number of samples that gives a meaningful value."""

    name: str
    compute: Compute
    direction: Direction
    requires: tuple[Requirement, ...]
    real: RealSource
    ratio: bool
    min_samples: int
    floor: Literal["train", "heldout"]
    jackknife: bool


METRICS: dict[str, Metric] = {}


def metric(
    name: str,
    *,
    direction: Direction,
    requires: tuple[Requirement, ...] = (),
    real: RealSource = "none",
    ratio: bool = False,
    min_samples: int = 1,
    floor: Literal["train", "heldout"] = "heldout",
    jackknife: bool = False,
) -> Callable[[Compute], Compute]:
    """Register the decorated function `(evaluation) -> number` under `name`.

    ratio: also report the value divided by that of real images. floor: the split of real images that gives the floor.
    jackknife: estimate the standard error; only for values that are smooth in the samples and cheap to recompute from
    the extracted features. The planner reads these arguments from the source, so they must be literals. Raises
    ValueError for a duplicate name, and for an unknown requirement or direction.
    """

    def register(compute: Compute) -> Compute:
        if name in METRICS:
            raise ValueError(f"metric {name}: already registered by {METRICS[name].compute.__qualname__}")
        unknown = set(requires) - set(get_args(Requirement)) | {direction} - set(get_args(Direction))
        if unknown:
            raise ValueError(f"metric {name}: unknown properties {', '.join(sorted(unknown))}")
        METRICS[name] = Metric(name, compute, direction, requires, real, ratio, min_samples, floor, jackknife)
        return compute

    return register


def lookup(name: str) -> Metric:
    """Return the metric of that name. Raises KeyError, which lists the known names, for an unknown one."""
    import_module("ganpipe.metrics.definitions")  # by name, so that code fingerprints do not reach every metric
    if name not in METRICS:
        raise KeyError(f"no metric {name}; choose from {', '.join(sorted(METRICS))}")
    return METRICS[name]
