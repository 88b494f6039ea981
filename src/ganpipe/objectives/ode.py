"""Solvers of ordinary differential equations with fixed steps, by which flow and EDM models map noise to images."""

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


def equal_steps(count: int) -> list[float]:
    """Return the `count + 1` ends of equal steps from t = 1 to t = 0."""
    return torch.linspace(1, 0, count + 1, dtype=torch.float64, device="cpu").tolist()


def integrate(
    velocity: Velocity,
    x: Tensor,
    evaluations: int,
    solver: str,
    times: Callable[[int], list[float]] = equal_steps,
    end_with_euler: bool = False,
) -> Tensor:
    """Solve dx/dt = velocity(x, t) with exactly so many evaluations, by default from t = 1 to t = 0.

    times: returns the ends of a number of steps, one more than steps.
    If the evaluations are not a multiple of those of a step, the last step is an Euler step.
    end_with_euler: the last step is one in any case, so that the velocity is not evaluated at the end; the last two
    are if the other evaluations are not a multiple.
    Raises ValueError for an unknown solver or fewer than one evaluation.
    """
    if solver not in SOLVERS or evaluations < 1:
        raise ValueError(f"sampler: {evaluations} evaluations of {solver!r} are not possible.")
    take_step, each = SOLVERS[solver]
    last = int(end_with_euler)
    full, rest = divmod(evaluations - last, each)
    rest += last
    for number, (t, end) in enumerate(pairwise(times(full + rest))):
        x = (take_step if number < full else euler)(velocity, x, t, end)
    return x
