"""Presets are valid params, and the study leaves out only what it says."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides

from ganpipe.common.errors import UserError
from ganpipe.plan.build import Plan, make_plan
from ganpipe.plan.presets import preset_command, preset_names
from tests.conftest import REPOSITORY

PRESETS = REPOSITORY / "presets"
PARAMS: dict[str, Any] = yaml.safe_load((REPOSITORY / "params.yaml").read_text())


def planned(name: str, folder: Path, presets: Path = PRESETS) -> Plan:
    """The plan under a preset, applied as `dvc exp run -S` applies it."""
    params = folder / "params.yaml"
    shutil.copyfile(REPOSITORY / "params.yaml", params)
    command = preset_command(presets, name)
    assert command[:3] == ["dvc", "exp", "run"] and set(command[3::2]) == {"-S"}
    apply_overrides(params, command[4::2])
    return make_plan(params, REPOSITORY / "data")


@pytest.mark.parametrize("name", preset_names(PRESETS))
def test_a_preset_can_be_planned(name: str, tmp_path: Path) -> None:
    plan = planned(name, tmp_path)
    assert {run["train"]["dataset"] for run in plan.runs.values()} == set(plan.datasets)


def test_the_study_runs_every_entry_that_needs_nothing_of_the_users(tmp_path: Path) -> None:
    runs = planned("study", tmp_path).runs.values()
    assert {run["experiment"] for run in runs} == {
        name for name in PARAMS["experiments"] if name not in ("art128", "pretrained") and "kmnist" not in name
    }
    assert max(run["train"]["epochs"] for run in runs) == 6


def test_the_full_preset_trains_as_the_documents_did(tmp_path: Path) -> None:
    runs = planned("full", tmp_path).runs
    assert runs["dense-dcgan-0"]["train"]["epochs"] == 1000
    assert runs["e03-dcgan-0"]["train"]["generator"]["width"] == 64
    assert all(run["train"]["images"] is None for run in runs.values())


def test_a_preset_may_set_what_an_entry_left_to_the_shared_settings(tmp_path: Path) -> None:
    assert "batch_size" not in PARAMS["experiments"]["e03-dcgan"]
    (tmp_path / "own.yaml").write_text("experiments.e03-dcgan.batch_size: 32\n")
    assert planned("own", tmp_path, presets=tmp_path).runs["e03-dcgan-0"]["train"]["batch_size"] == 32


def test_a_preset_that_is_not_there() -> None:
    with pytest.raises(UserError, match="no such preset: stduy; did you mean study"):
        preset_command(PRESETS, "stduy")


@pytest.mark.parametrize("text", ["- a\n", "budget: {epochs: 3}\n", "a: [b\n"])
def test_a_file_that_is_no_preset(text: str, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(text)
    with pytest.raises(UserError, match=r"broken\.yaml"):
        preset_command(tmp_path, "broken")
