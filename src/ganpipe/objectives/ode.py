"""Solvers of ordinary differential equations with fixed steps, by which flow models map noise to images."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

Velocity = Callable[[Tensor, float], Tensor]
"""Function (x, t) -> dx/dt of the shape of x."""


def euler(velocity: Velocity, x: Tensor, t: float, end: float) -> Tensor:
    """Take one step from t to `end` (first order, one evaluation)."""
    return x + (end - t) * velocity(x, t)


def midpoint(velocity: Velocity, x: Tensor, t: float, end: float) -> Tensor:
    """Take one step with the velocity in its middle (second order, two evaluations)."""
    middle = (t + end) / 2
    return x + (end - t) * velocity(euler(velocity, x, t, middle), middle)


def heun(velocity: Velocity, x: Tensor, t: float, end: float) -> Tensor:
    """Take one step with the mean velocity of its two ends (second order, two evaluations)."""
    first = velocity(x, t)
    return x + (end - t) / 2 * (first + velocity(x + (end - t) * first, end))


SOLVERS = {"euler": (euler, 1), "midpoint": (midpoint, 2), "heun": (heun, 2)}
"""Step function of each solver and its evaluations of the velocity."""


def integrate(velocity: Velocity, x: Tensor, evaluations: int, solver: str) -> Tensor:
    """Solve dx/dt = velocity(x, t) from t = 1 to t = 0 in equal steps with exactly so many evaluations.

    If the evaluations are not a multiple of those of a step, the last step is an Euler step.
    Raises ValueError for an unknown solver or fewer than one evaluation.
    """
    if solver not in SOLVERS or evaluations < 1:
        raise ValueError(f"sampler: {evaluations} evaluations of {solver!r} are not possible.")
    take_step, each = SOLVERS[solver]
    full, rest = divmod(evaluations, each)
    times = torch.linspace(1, 0, full + rest + 1, dtype=torch.float64, device="cpu").tolist()
    for number, (t, end) in enumerate(pairwise(times)):
        x = (take_step if number < full else euler)(velocity, x, t, end)
    return x
