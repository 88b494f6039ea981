"""A race through the stages of the real pipeline, killed in between; then `dvc repro` of its final grid."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workspace import Workspace

pytestmark = pytest.mark.chain


def test_a_killed_race_resumes_and_its_final_grid_trains_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.params(
        grid__experiments=["e09-mlp", "mlp-dropout-none"],
        grid__seeds=[0, 1],
        budget={"epochs": 2, "images": 256},
        train__batch_size=64,
        sample__count=150,
        evaluate__metrics=["sharpness"],
        select={"metric": "sharpness"},
        datasets__mnist__judge={"epochs": 1},
        race={"rungs": [{"epochs": 1, "seeds": 2}, {"epochs": 2, "seeds": 2}], "catch_up": 0.5},
    )
    workspace.commit()
    before = (tmp_path / "params.yaml").read_bytes()
    kill_once(workspace, tmp_path / ".ganpipe" / "scratch" / "out" / "models" / "e09-mlp-0")
    assert not (tmp_path / "out" / "race").exists()

    printed = workspace.run("ganpipe", "race", "-j", "2").stdout
    assert "Rung 1 of 2" in printed and (tmp_path / "params.yaml").read_bytes() == before
    ladder = json.loads((tmp_path / "out" / "race" / "ladder.json").read_text())

    again = workspace.run("ganpipe", "race", "-j", "2", "--write").stdout
    assert "started" not in again, "every score is stored"
    assert json.loads((tmp_path / "out" / "race" / "ladder.json").read_text()) == ladder
    done = workspace.run("dvc", "repro")
    assert "Running stage 'train@" not in done.stdout + done.stderr
    ranking = json.loads((tmp_path / "out" / "report" / "ranking.json").read_text())
    final = [entry["experiment"] for entry in ladder["steps"][-1]["ranking"]]
    assert [place["experiment"] for place in ranking["boards"][0]["places"]] == final


def kill_once(workspace: Workspace, sign: Path) -> None:
    """Start the race and kill it as soon as the file or folder exists."""
    command = [sys.executable, "-m", "ganpipe", "race", "-j", "2"]
    with subprocess.Popen(
        command, cwd=workspace.folder, env=workspace.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as race:
        deadline = time.monotonic() + 300
        while not sign.exists():
            assert race.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        os.kill(race.pid, signal.SIGKILL)
