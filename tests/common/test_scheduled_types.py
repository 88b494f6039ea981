"""The forms that a setting may have if it can change during a training."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from ganpipe.common.schedule import AdaptiveAugmentation, Schedule
from ganpipe.common.scheduled_types import AugmentProbability, ScheduledFraction, ScheduledPositive


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
