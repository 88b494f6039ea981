"""The time left of a grid."""

from pathlib import Path

import pytest

from ganpipe.scheduling.estimate import Durations, TimeLeft, seconds_left, time_left
from ganpipe.scheduling.graph import StageGraph
from ganpipe.scheduling.repro import repro
from tests.scheduling.conftest import Workspace, stage

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")

UPSTREAM = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}
SECONDS = {"a": 10.0, "b": 20.0, "c": 30.0, "d": 40.0}


@pytest.mark.parametrize(("jobs", "expected"), [(1, 100.0), (2, 80.0), (9, 80.0)])
def test_neither_the_jobs_nor_the_longest_chain_can_be_beaten(jobs: int, expected: float) -> None:
    assert time_left(UPSTREAM, SECONDS, UPSTREAM, jobs) == TimeLeft(expected, expected, 0)


def test_stages_that_may_be_up_to_date_widen_the_estimate() -> None:
    assert time_left(UPSTREAM, SECONDS, ["a", "b"], 1) == TimeLeft(30.0, 100.0, 0)


def test_without_a_measurement_there_is_no_upper_limit() -> None:
    assert time_left(UPSTREAM, SECONDS | {"c": None, "d": None}, UPSTREAM, 1) == TimeLeft(30.0, None, 2)


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (TimeLeft(0, None, 3), "time left unknown"),
        (TimeLeft(30, None, 1), "at least 30 s left (1 stage not measured yet)"),
        (TimeLeft(600, None, 2), "at least 10 min left (2 stages not measured yet)"),
        (TimeLeft(600, 610, 0), "about 10 min left"),
        (TimeLeft(0, 7300, 0), "0 s to 2 h 02 min left"),
    ],
)
def test_the_text_says_what_is_not_known(left: TimeLeft, text: str) -> None:
    assert str(left) == text


def test_a_running_stage_has_what_it_prints_or_what_an_equal_one_took() -> None:
    line = "a-0: epoch 2/5, loss 1, 9 images/s, 60 s left"
    assert seconds_left([line], 10, 30, 500) == 50
    assert seconds_left(["a-0: something else"], 10, 30, 500) == 470
    assert seconds_left([], 0, 600, 500) == 0
    assert seconds_left([], 0, 600, None) is None


@pytest.mark.parametrize("content", ["", "[]", '{"a": null}', '{"a"'])
def test_a_damaged_file_of_durations_counts_as_empty(tmp_path: Path, content: str) -> None:
    path = tmp_path / "durations.json"
    path.write_text(content)
    durations = Durations(path)
    assert durations.get("a") is None
    durations.add("a", 1.0)
    durations.save()
    assert Durations(path).get("a") == 1.0


def _grid(workspace: Workspace, epochs: int) -> None:
    for seed in (0, 1):
        (workspace.root / f"a-{seed}.yaml").write_text(f"run: a-{seed}\nepochs: {epochs}\nseed: {seed}\n")
    training = stage("sleep 0.3 && echo a", "a-${item.seed}")
    params = [{"a-${item.seed}.yaml": ["epochs", "seed"]}]
    workspace.write({"train": training | {"matrix": {"seed": [0, 1]}, "params": params}})


def test_equal_settings_with_another_seed_are_equal_stages(workspace: Workspace) -> None:
    _grid(workspace, epochs=3)
    three = [StageGraph(()).kind(f"train@{seed}") for seed in (0, 1)]
    assert three[0] == three[1]
    _grid(workspace, epochs=4)
    assert StageGraph(()).kind("train@0") != three[0], "a longer training takes longer"


def test_only_stages_that_did_all_their_work_are_measured(workspace: Workspace) -> None:
    path = workspace.root / ".ganpipe" / "durations.json"
    _grid(workspace, epochs=3)
    repro(2)
    (seconds,) = Durations(path)._seconds.values()
    assert seconds >= 0.3
    path.unlink()
    (workspace.root / "dvc.lock").unlink()
    repro(2)  # DVC restores both from its run cache
    assert "is cached - skipping run" in workspace.log("train@0")
    assert not path.exists()
