"""Solvers against slow implementations, and their order of convergence on flows with a known solution."""

import math
from itertools import pairwise

import pytest
import torch

from ganpipe.objectives.ode import SOLVERS, integrate

EVALUATIONS = {"euler": 1, "midpoint": 2, "heun": 2}
ORDERS = {"euler": 1, "midpoint": 2, "heun": 2}


def slope(x, t):
    """Dependent on time: dx/dt = x cos(2t), so x(0) = x(1) exp(-sin(2) / 2)."""
    return x * torch.cos(torch.tensor(2 * t, dtype=torch.float64))


def exact(x):
    return x * math.exp(-math.sin(2) / 2)


def slow(x, steps, solver):
    """One number, from the Butcher tables."""
    h = -1 / steps
    for step in range(steps):
        t = 1 + step * h
        first = x * math.cos(2 * t)
        if solver == "euler":
            x += h * first
        elif solver == "midpoint":
            x += h * ((x + h / 2 * first) * math.cos(2 * (t + h / 2)))
        else:
            x += h * (first / 2 + (x + h * first) * math.cos(2 * (t + h)) / 2)
    return x


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_solver_equals_its_butcher_table(solver):
    values = [-1.5, 0.2, 3.0]
    found = integrate(slope, torch.tensor(values, dtype=torch.float64), 6 * EVALUATIONS[solver], solver)
    assert found.tolist() == pytest.approx([slow(value, 6, solver) for value in values], rel=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_error_falls_with_the_order_of_the_solver(solver):
    start = torch.tensor([1.0, -2.0], dtype=torch.float64)
    steps = [20, 40, 80, 160]
    errors = [
        (integrate(slope, start, count * EVALUATIONS[solver], solver) - exact(start)).abs().max().item()
        for count in steps
    ]
    for coarse, fine in pairwise(errors):
        assert math.log2(coarse / fine) == pytest.approx(ORDERS[solver], abs=0.15)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("evaluations", [1, 2, 5, 8])
def test_the_velocity_is_evaluated_exactly_as_often_as_requested(solver, evaluations):
    times = []

    def straight(x, t):
        times.append(t)
        return torch.full_like(x, 2.0)

    assert integrate(straight, torch.zeros(1, dtype=torch.float64), evaluations, solver).item() == pytest.approx(-2)
    assert len(times) == evaluations
    assert times[0] == 1 and min(times) >= 0


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("evaluations", [1, 2, 5, 8])
def test_a_velocity_without_a_value_at_the_end_is_not_evaluated_there(solver, evaluations):
    times = []

    def straight(x, t):
        times.append(t)
        return torch.full_like(x, 2.0) * (t / t)

    start = torch.zeros(1, dtype=torch.float64)
    end = integrate(straight, start, evaluations, solver, lambda steps: [*range(steps, 0, -1), 0], end_with_euler=True)
    assert end.item() == pytest.approx(-2 * times[0])
    assert len(times) == evaluations and min(times) > 0


@pytest.mark.parametrize(("evaluations", "solver"), [(0, "euler"), (4, "rk9")])
def test_impossible_requests_are_rejected(evaluations, solver):
    with pytest.raises(ValueError, match="not possible"):
        integrate(slope, torch.zeros(1), evaluations, solver)
