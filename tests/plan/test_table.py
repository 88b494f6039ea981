"""The table of `ganpipe plan`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ganpipe.plan.build import Plan
from ganpipe.plan.table import plan_table
from tests.plan.conftest import Edit, put


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


FALLING = {"start": 0.001, "end": 0.0}


@pytest.mark.parametrize(
    ("before", "now", "kept", "state"),
    [
        ([], [put("train/epochs", 5)], True, "continues: epochs 2 -> 5"),
        ([], [put("train/epochs", 5)], False, "trains: epochs 2 -> 5"),
        ([], [put("train/epochs", 1)], True, "trains: epochs 2 -> 1"),
        (
            [],
            [put("train/epochs", 5), put("train/batch_size", 32)],
            True,
            "trains: batch_size 128 -> 32, epochs 2 -> 5",
        ),
        ([put("train/lr", FALLING)], [put("train/lr", FALLING), put("train/epochs", 5)], True, "trains: epochs 2 -> 5"),
        ([], [], True, "trained"),
    ],
    ids=["longer", "end not kept", "shorter", "other batches", "schedule", "unchanged"],
)
def test_a_longer_training_is_announced_as_continued(
    before: list[Edit],
    now: list[Edit],
    kept: bool,
    state: str,
    plan_of: Callable[..., Plan],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    shared = [put("grid/experiments", ["e03-dcgan"]), put("budget/epochs", None), put("train/epochs", 2)]
    run = plan_of(*shared, *before).runs["e03-dcgan-0"]
    params = {"train": run["train"], "code.train": run["code"]["train"], "packages": run["packages"]}
    lock = tmp_path / "dvc.lock"
    lock.write_text(yaml.safe_dump({"stages": {"train@e03-dcgan-0": {"params": {"plan.yaml": params}}}}))
    if kept:
        (tmp_path / ".ganpipe" / "end-states" / "e03-dcgan-0").mkdir(parents=True)
    assert plan_table(plan_of(*shared, *now), lock).endswith(state)
