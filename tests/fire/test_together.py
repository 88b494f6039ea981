"""Several at once, trouble with the tracking, damage to finished files: the chain ends with the bits it always has."""

import subprocess

import pytest

from tests.fire.conftest import RUNS
from tests.fire.stages import Stages, assert_records_are_whole, bits, lock_of, remove_outputs, statuses
from tests.tracking.test_stage_tracking import Broken, Hanging, serving
from tests.workspace import Workspace


@pytest.fixture(scope="module")
def stages(chain: Workspace) -> Stages:
    return Stages(chain)


@pytest.mark.parametrize("trouble", ["none", "500", "hangs", "refuses"])
def test_tracking_trouble_changes_no_bit(trouble: str, chain: Workspace, stages: Stages) -> None:
    whole = bits(chain.folder / "out")
    remove_outputs(chain, "train", RUNS[0])
    if trouble == "none":
        code, said = stages.run("train", RUNS[0])
    else:
        with serving({"500": Broken, "hangs": Hanging, "refuses": Broken}[trouble]) as address:
            if trouble != "refuses":
                code, said = stages.run("train", RUNS[0], MLFLOW_TRACKING_URI=address)
        if trouble == "refuses":
            code, said = stages.run("train", RUNS[0], MLFLOW_TRACKING_URI=address)
    assert code == 0, said
    assert said.count("warning: MLflow") == (trouble != "none")
    assert "secret" not in said
    assert bits(chain.folder / "out") == whole


def test_two_repros_at_once_lose_nothing(chain: Workspace) -> None:
    """DVC has the second work on what the first leaves free, or refuses it; nothing is lost either way."""
    whole, lock = bits(chain.folder / "out"), lock_of(chain)
    for run in RUNS:
        remove_outputs(chain, "sample", run)
    both = [
        subprocess.Popen(
            ["dvc", "repro", "--force", "--single-item", *(f"sample@{run}" for run in RUNS)],
            cwd=chain.folder,
            env=chain.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=300)[0] for process in both]
    for process, text in zip(both, told, strict=True):
        assert "Traceback" not in text
        if process.returncode:
            assert any(reason in text for reason in ("busy", "Unable to acquire lock", "locked")), text
    chain.repro()
    assert bits(chain.folder / "out") == whole
    assert lock_of(chain) == lock
    assert_records_are_whole(chain.folder)


@pytest.mark.parametrize(
    "name", [f"models/{RUNS[0]}/status.json", f"samples/{RUNS[0]}/images.npy", f"scores/{RUNS[0]}.json"]
)
def test_a_damaged_output_is_made_anew(name: str, chain: Workspace) -> None:
    whole, path = bits(chain.folder / "out"), chain.folder / "out" / name
    path.write_bytes(path.read_bytes()[:-9])
    chain.repro()
    assert bits(chain.folder / "out") == whole


def test_sync_shows_all_of_it(chain: Workspace) -> None:
    told = statuses(chain)
    assert {RUNS[0], RUNS[1]} <= told.keys()
    assert set(told.values()) == {"FINISHED"}


def test_what_a_killed_write_leaves_reruns_nothing(chain: Workspace) -> None:
    for folder in ("models", "samples", "prepared"):  # whole folders are what `compare` and `inputs` depend on
        left = chain.folder / "out" / folder / f".{RUNS[0]}.01234567.part"
        left.mkdir()
        (left / "half").write_text("half")
    assert chain.repro() == set()
