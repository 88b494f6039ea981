"""The frame of the stage scripts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

STAGE = "from ganpipe.stage import run_stage; run_stage('fetch', lambda stage: None)"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "params.yaml").touch()
    git(origin, "init", "--quiet")
    git(origin, "add", "params.yaml")
    for message in ("first", "second"):
        git(origin, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty", "-m", message)
    return origin


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def run_stage_in(workspace: Path, checkout: Path) -> str:
    """Run an empty stage of a DVC experiment in a workspace that is a copy of the checkout; return its warnings."""
    workspace.mkdir(exist_ok=True)
    environment = {**os.environ, "DVC_ROOT": str(checkout), "DVC_EXP_NAME": "bold-name"}
    command = [sys.executable, "-c", STAGE]
    known = {**environment, "PYTHONPATH": str(REPOSITORY / "src")}
    return subprocess.run(command, cwd=workspace, env=known, capture_output=True, text=True, check=True).stderr


def test_an_experiment_that_dvc_would_lose_is_reported(clone: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "1", clone.as_uri(), str(shallow))
    warning = run_stage_in(tmp_path / "temporary", shallow)
    assert "is a shallow clone" in warning and "`git fetch --unshallow`" in warning


def test_experiments_that_dvc_keeps_are_not_reported(clone: Path, tmp_path: Path) -> None:
    assert run_stage_in(tmp_path / "temporary", clone) == ""
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "1", clone.as_uri(), str(shallow))
    assert run_stage_in(shallow, shallow) == "", "in the workspace itself"
