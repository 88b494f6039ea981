"""The registry of metrics: a decorated function is a metric, and there is nothing else to do to add one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from ganpipe.common.types import Direction
from ganpipe.metrics.evaluation import Evaluation, Need

RealSource = Literal["train", "subset", "heldout", "none"]
"""Which real images a value is computed against: the train split, `evaluate.real` images of it, ..."""

Compute = Callable[[Evaluation], float]


@dataclass(frozen=True)
class Metric:
    """A registered metric. `minimum` is the number of samples below which its value would mean nothing."""

    name: str
    compute: Compute
    direction: Direction
    needs: tuple[Need, ...]
    real: RealSource
    ratio: bool
    minimum: int
    floor: Literal["train", "heldout"]
    jackknife: bool


METRICS: dict[str, Metric] = {}


def metric(
    name: str,
    *,
    direction: Direction,
    needs: tuple[Need, ...] = (),
    real: RealSource = "none",
    ratio: bool = False,
    minimum: int = 1,
    floor: Literal["train", "heldout"] = "heldout",
    jackknife: bool = False,
) -> Callable[[Compute], Compute]:
    """Register the decorated function `(case) -> number` under `name`.

    ratio: the value is also given as a multiple of the real images' own. floor: the real images whose value is the
    floor. jackknife: the value comes with its standard error; for values that are smooth in the samples and quick to
    compute once features are there. Raises ValueError for a name that is taken, and for an unknown need or direction.
    """

    def register(compute: Compute) -> Compute:
        if name in METRICS:
            raise ValueError(f"the metric {name} is registered already, by {METRICS[name].compute.__qualname__}")
        unknown = set(needs) - set(get_args(Need)) | {direction} - set(get_args(Direction))
        if unknown:
            raise ValueError(f"the metric {name} has unknown properties: {', '.join(sorted(unknown))}")
        METRICS[name] = Metric(name, compute, direction, needs, real, ratio, minimum, floor, jackknife)
        return compute

    return register
