"""A race and a search through the stages of the real pipeline; `dvc repro` of their results trains nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.workspace import Workspace

pytestmark = pytest.mark.chain

NAMES = ["e09-mlp", "mlp-dropout-none"]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace(tmp_path_factory.mktemp("project"))
    made.params(
        grid__experiments=NAMES,
        grid__seeds=[0, 1],
        budget={"epochs": 1, "images": 256},
        train__batch_size=64,
        sample__count=150,
        evaluate__metrics=["sharpness"],
        select={"metric": "sharpness"},
        datasets__mnist__judge={"epochs": 4, "batch_size": 32, "depth": 0, "width": 8},  # learns enough to decide
        search={"bases": ["e09-mlp"], "space": {"lr": [0.001, 0.01]}, "trials": 2, "sampler": "grid", "batch": 2},
    )
    made.commit()
    return made


@pytest.fixture(autouse=True)
def restore_params(workspace: Workspace) -> Iterator[None]:
    """Restore the committed params.yaml after each test."""
    yield
    workspace.run("git", "checkout", "params.yaml")


def test_a_killed_race_resumes_and_its_final_grid_trains_nothing(workspace: Workspace) -> None:
    folder = workspace.folder
    before = (folder / "params.yaml").read_bytes()
    kill_once(workspace, folder / ".ganpipe" / "scratch" / "out" / "models" / "e09-mlp-0")
    assert not (folder / "out").exists()

    printed = workspace.run("ganpipe", "race", "-j", "2").stdout
    assert "Rung 1 of 1" in printed and (folder / "params.yaml").read_bytes() == before
    ladder = json.loads((folder / "out" / "race" / "ladder.json").read_text())

    again = workspace.run("ganpipe", "race", "--write").stdout
    assert "started" not in again, "every score is stored"
    assert json.loads((folder / "out" / "race" / "ladder.json").read_text()) == ladder
    assert trained(workspace) == set()
    final = [entry["experiment"] for entry in ladder["steps"][-1]["ranking"]]
    ranking = json.loads((folder / "out" / "report" / "ranking.json").read_text())
    assert sorted(final) == sorted(NAMES)
    assert [place["experiment"] for place in ranking["boards"][0]["places"]] == final


def test_the_result_of_a_search_is_an_entry_that_trains_nothing(workspace: Workspace) -> None:
    printed = workspace.run("ganpipe", "search", "-j", "2", "--write").stdout
    assert "e09-mlp: 2 trials" in printed
    params = yaml.safe_load((workspace.folder / "params.yaml").read_text())
    (name,) = params["grid"]["experiments"]
    assert params["experiments"][name]["lr"] in (0.001, 0.01)
    assert trained(workspace) == set()
    assert (workspace.folder / "out" / "scores" / f"{name}-0.json").exists()
    assert (workspace.folder / ".ganpipe" / "search.db").exists()


def trained(workspace: Workspace) -> set[str]:
    """Run `dvc repro` and return the trainings that ran and were not restored from the cache."""
    return {stage for stage in workspace.repro() if stage.startswith("train@")}


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
