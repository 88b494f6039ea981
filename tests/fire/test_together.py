"""Concurrent runs, failing tracking servers and damaged outputs: the pipeline ends with the same bits."""

import subprocess

import pytest

from tests.finished_chain import RUNS
from tests.fire.stages import Stages, assert_records_are_whole, bits, lock_of, remove_outputs, statuses
from tests.tracking.servers import Broken, Hanging, serving
from tests.workspace import Workspace


@pytest.fixture(scope="module")
def stages(chain: Workspace) -> Stages:
    return Stages(chain)


@pytest.mark.parametrize("failure", ["none", "500", "hangs", "refuses"])
def test_a_failing_tracking_server_changes_no_bit(failure: str, chain: Workspace, stages: Stages) -> None:
    whole = bits(chain.folder / "out")
    remove_outputs(chain, "train", RUNS[0])
    if failure == "none":
        code, output = stages.run("train", RUNS[0])
    else:
        with serving({"500": Broken, "hangs": Hanging, "refuses": Broken}[failure]) as address:
            if failure != "refuses":
                code, output = stages.run("train", RUNS[0], MLFLOW_TRACKING_URI=address)
        if failure == "refuses":
            code, output = stages.run("train", RUNS[0], MLFLOW_TRACKING_URI=address)
    assert code == 0, output
    assert output.count("warning: MLflow") == (failure != "none")
    assert "secret" not in output
    assert bits(chain.folder / "out") == whole


def test_two_concurrent_repros_lose_nothing(chain: Workspace) -> None:
    """DVC lets the second run what the first does not use, or rejects it; nothing is lost either way."""
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
    outputs = [process.communicate(timeout=300)[0] for process in both]
    for process, text in zip(both, outputs, strict=True):
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
def test_a_damaged_output_is_recomputed(name: str, chain: Workspace) -> None:
    whole, path = bits(chain.folder / "out"), chain.folder / "out" / name
    path.write_bytes(path.read_bytes()[:-9])
    chain.repro()
    assert bits(chain.folder / "out") == whole


def test_sync_shows_all_runs(chain: Workspace) -> None:
    found = statuses(chain)
    assert {RUNS[0], RUNS[1]} <= found.keys()
    assert set(found.values()) == {"FINISHED"}


def test_files_of_an_interrupted_write_rerun_nothing(chain: Workspace) -> None:
    for folder in ("models", "samples", "prepared"):  # `compare` and `inputs` depend on these folders
        left = chain.folder / "out" / folder / f".{RUNS[0]}.01234567.part"
        left.mkdir()
        (left / "half").write_text("half")
    assert chain.repro() == set()
