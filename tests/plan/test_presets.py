"""Presets are valid settings, and contain the experiments that they promise."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from ganpipe.common.errors import UserError
from ganpipe.common.variation import base_name
from ganpipe.plan.build import Plan, make_plan
from ganpipe.plan.presets import preset_command, preset_names
from tests.conftest import REPOSITORY

PRESETS = REPOSITORY / "presets"
PARAMS: dict[str, Any] = yaml.safe_load((REPOSITORY / "params.yaml").read_text())


def planned(name: str, folder: Path, presets: Path = PRESETS) -> Plan:
    """The plan with a preset applied as `dvc exp run -S` applies it."""
    params = folder / "params.yaml"
    shutil.copyfile(REPOSITORY / "params.yaml", params)
    command = preset_command(presets, name)
    assert command[:3] == ["dvc", "exp", "run"] and set(command[3::2]) == {"-S"}
    apply_overrides(params, command[4::2])
    return make_plan(params, REPOSITORY / "data")


@pytest.mark.parametrize("name", preset_names(PRESETS))
def test_preset_can_be_planned(name: str, tmp_path: Path) -> None:
    plan = planned(name, tmp_path)
    assert {run["train"]["dataset"] for run in plan.runs.values()} == set(plan.datasets)


def test_study_runs_every_experiment_that_needs_no_user_data(tmp_path: Path) -> None:
    runs = planned("study", tmp_path).runs.values()
    assert {base_name(run["experiment"]) for run in runs} == {
        name for name in PARAMS["experiments"] if name not in ("art128", "pretrained") and "kmnist" not in name
    }
    assert max(run["train"]["epochs"] for run in runs) == 6


def test_full_preset_trains_as_long_and_as_wide_as_the_documents(tmp_path: Path) -> None:
    runs = planned("full", tmp_path).runs
    assert runs["dense-dcgan-0"]["train"]["epochs"] == 1000
    assert runs["e03-dcgan-0"]["train"]["generator"]["width"] == 64
    assert all(run["train"]["images"] is None for run in runs.values())


def test_preset_may_set_a_key_that_the_experiment_does_not_have(tmp_path: Path) -> None:
    assert "batch_size" not in PARAMS["experiments"]["e03-dcgan"]
    (tmp_path / "own.yaml").write_text("experiments.e03-dcgan.batch_size: 32\n")
    assert planned("own", tmp_path, presets=tmp_path).runs["e03-dcgan-0"]["train"]["batch_size"] == 32


def test_unknown_preset_is_rejected() -> None:
    with pytest.raises(UserError, match=r"stduy: no such preset\. Did you mean study"):
        preset_command(PRESETS, "stduy")


@pytest.mark.parametrize("text", ["- a\n", "budget: {epochs: 3}\n", "a: [b\n"])
def test_malformed_preset_is_rejected(text: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(text)
    with pytest.raises(UserError, match=r"broken\.yaml"):
        preset_command(tmp_path, "broken")
