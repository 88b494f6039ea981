"""Schedules against values that are computed step by step, and the forms that a setting may have."""

import math
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from ganpipe.common.schedule import (
    AdaptiveAugmentation,
    AugmentProbability,
    Schedule,
    ScheduledFraction,
    ScheduledPositive,
    value_at,
)

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


@pytest.mark.parametrize(
    ("kind", "valid", "invalid"),
    [
        (ScheduledPositive, [0.1, {"start": 3, "end": 0}], [0, -1, {"start": -1}, {"end": 1}, {"target": 0.6}]),
        (ScheduledFraction, [0, {"start": 0, "end": 0.9}], [1, {"start": 0.5, "end": 1}, {"start": 1, "end": 0.5}]),
        (AugmentProbability, [0, 1, {"start": 0, "end": 1}, {"target": 0.6}], [1.1, {"start": 2}, {"target": 1}]),
    ],
    ids=["positive", "fraction", "probability"],
)
def test_forms_of_a_setting(kind: Any, valid: list[Any], invalid: list[Any]) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    for value in valid:
        parsed = adapter.validate_python(value)
        assert adapter.validate_python(adapter.dump_python(parsed, mode="json")) == parsed  # as in a plan file
    for value in invalid:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


def test_adaptive_augmentation_is_recognised_by_its_target() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(AugmentProbability)
    assert adapter.validate_python({"target": 0.5, "images": 10}) == AdaptiveAugmentation(target=0.5, images=10)
    assert isinstance(adapter.validate_python({"start": 0.5}), Schedule)
