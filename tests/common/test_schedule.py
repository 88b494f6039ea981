"""Schedules against values that are computed step by step, and the forms that a setting may have."""

import math
from typing import Any

import pytest
import torch

from ganpipe.common.schedule import Schedule, value_at

STEPS = 40


@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_schedule_equals_that_of_pytorch(shape: str) -> None:
    """PyTorch computes each value from the one before."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    reference: Any = (
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS, eta_min=0.05)
        if shape == "cosine"
        else torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05 / 0.3, STEPS)
    )
    schedule = Schedule.model_validate({"start": 0.3, "end": 0.05, "shape": shape})
    for step in range(STEPS):
        assert math.isclose(schedule.at(step, STEPS), optimizer.param_groups[0]["lr"], rel_tol=1e-9)
        optimizer.step()
        reference.step()
    assert math.isclose(schedule.at(STEPS, STEPS), 0.05)


def test_warmup_rises_linearly_and_the_rest_takes_what_remains() -> None:
    schedule = Schedule(start=0.8, end=0.0, shape="linear", warmup=4)
    values = [schedule.at(step, 8) for step in range(8)]
    assert values == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.6, 0.4, 0.2])


def test_without_an_end_the_value_does_not_depend_on_the_length() -> None:
    schedule = Schedule(start=0.8, warmup=4)
    assert [schedule.at(step, 8) for step in range(8)] == [schedule.at(step, 800) for step in range(8)]
    assert schedule.at(7, 8) == 0.8 and value_at(0.3, 5, 8) == 0.3


def test_warmup_longer_than_the_training_never_ends() -> None:
    schedule = Schedule(start=1.0, end=0.0, warmup=10)
    assert [schedule.at(step, 3) for step in range(3)] == pytest.approx([0.1, 0.2, 0.3])
