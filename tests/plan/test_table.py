"""The table of `ganpipe plan`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ganpipe.plan.build import Plan
from ganpipe.plan.table import plan_table
from tests.plan.conftest import put


@pytest.mark.parametrize(
    ("lr", "shown"),
    [(0.001, " 0.001 "), ({"start": 0.001, "end": 0}, " 0.001 to 0 "), ({"start": 0.001, "warmup": 9}, " 0.001 ")],
    ids=["number", "schedule", "warm-up"],
)
def test_a_schedule_is_shown_in_a_few_characters(
    lr: Any, shown: str, plan_of: Callable[..., Plan], tmp_path: Path
) -> None:
    table = plan_table(plan_of(put("train/lr", lr), put("grid/experiments", ["e03-dcgan"])), tmp_path / "dvc.lock")
    assert shown in table and "{" not in table
