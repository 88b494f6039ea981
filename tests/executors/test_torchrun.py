"""One training in two real processes: as reproducible as in one, and no process outlives it."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.config import Compute
from ganpipe.executors import local, torchrun
from ganpipe.executors.job import Job
from ganpipe.training import workdir
from tests.conftest import REPOSITORY
from tests.executors import shared_steps
from tests.processes import wait_until
from tests.training.runs import RecordingCallback, contents, settings

RANDOM = {"generator": {"width": 4}, "discriminator": {"width": 4, "dropout": 0.3}, "epochs": 6}
"""Settings with batch normalisation statistics, and with random numbers inside the networks."""


def job(work: Path, prepared: Path, processes: int = 2, **changes: Any) -> Job:
    work.mkdir(exist_ok=True)
    run = settings(processes=processes, **changes)
    return Job("run-0", run, prepared, work, Compute(executor="torchrun"), {}, checkpoint_every=0.0)


def processes_of(work: Path) -> list[psutil.Process]:
    """Return all running processes of the training in this folder, by the folder's name in their arguments."""
    found = []
    for process in psutil.process_iter():
        try:
            belongs = any(f'"{work}"' in argument for argument in process.cmdline())
            if belongs and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.fixture(scope="module")
def uninterrupted(
    mnist_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, bytes], RecordingCallback]:
    """The result and the events of an uninterrupted training."""
    callback = RecordingCallback()
    training = job(tmp_path_factory.mktemp("uninterrupted"), mnist_folder, **RANDOM)
    trained = torchrun.train(training, callback)
    assert (trained.machine["executor"], trained.machine["processes"]) == ("torchrun", "2")
    assert trained.costs.keys() >= {"seconds", "images_per_second"}
    return contents(training.work / "result"), callback


def test_events_and_files_are_those_of_a_local_training(
    uninterrupted: tuple[dict[str, bytes], RecordingCallback], mnist_folder: Path, tmp_path: Path
) -> None:
    result, callback = uninterrupted
    here, local_callback = job(tmp_path / "local", mnist_folder, processes=1, **RANDOM), RecordingCallback()
    local.train(here, local_callback)
    assert result.keys() == contents(here.work / "result").keys()
    assert callback.starts == local_callback.starts == [(0, 1800)]
    assert callback.steps == local_callback.steps == 36
    assert len(callback.history) == len(local_callback.history) == 36
    assert len(callback.epochs) == len(local_callback.epochs) == 6


def test_one_process_gives_the_bits_of_a_local_training(mnist_folder: Path, tmp_path: Path) -> None:
    launched, here = (job(tmp_path / name, mnist_folder, processes=1) for name in ("launched", "local"))
    callback, local_callback = RecordingCallback(), RecordingCallback()
    torchrun.train(launched, callback)
    local.train(here, local_callback)
    assert contents(launched.work / "result") == contents(here.work / "result")
    assert (callback.starts, callback.steps) == (local_callback.starts, local_callback.steps)
    assert list(callback.history) == list(local_callback.history)
    assert list(callback.epochs) == list(local_callback.epochs)


def test_killed_stage_leaves_no_process_and_is_resumed_with_the_same_bits(
    uninterrupted: tuple[dict[str, bytes], RecordingCallback], mnist_folder: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    code = (
        "import sys; from pathlib import Path; from tests.executors import test_torchrun as t;"
        "t.torchrun.train(t.job(Path(sys.argv[1]), Path(sys.argv[2]), **t.RANDOM), t.OwnKiller())"
    )
    stage = subprocess.run([sys.executable, "-c", code, str(work), str(mnist_folder)], cwd=REPOSITORY, check=False)
    assert stage.returncode == -signal.SIGKILL
    wait_until(lambda: not processes_of(work))
    callback = RecordingCallback()
    with workdir.locked(work):  # as the stage does: the kill may have interrupted a write
        torchrun.train(job(work, mnist_folder, **RANDOM), callback)
    result, first = uninterrupted
    done, total = callback.starts[0]
    assert 0 < done < total == 1800
    assert contents(work / "result") == result
    assert list(callback.history) == list(first.history)[-len(callback.history) :]
    assert list(callback.epochs) == list(first.epochs)[-len(callback.epochs) :]
    tables = {"tables/history-00000.bin", "tables/epochs-00000.bin"}
    snapshots = {
        f"snapshots/0000{epoch}/{name}" for epoch in (1, 2, 4) for name in ("generator.safetensors", "model.json")
    }
    progress = {f"progress/epoch-000{number}.png" for number in range(1, 7)}
    results = {f"result/{name}" for name in result}
    assert set(contents(work)) - {".lock"} == {"checkpoint.pt"} | results | tables | snapshots | progress


class OwnKiller(RecordingCallback):
    """Kills its own process in the middle of an epoch."""

    def on_step(self, images: int) -> None:
        super().on_step(images)
        if self.steps == 9:
            psutil.Process().kill()


class RankKiller(RecordingCallback):
    """Kills the second process of the training."""

    def __init__(self, work: Path) -> None:
        super().__init__()
        self.work = work

    def on_step(self, images: int) -> None:
        super().on_step(images)
        if self.steps == 3:
            (second,) = (one for one in processes_of(self.work) if one.environ().get("RANK") == "1")
            second.kill()


def test_lost_process_stops_all_and_is_named(mnist_folder: Path, tmp_path: Path) -> None:
    long = job(tmp_path / "work", mnist_folder, epochs=1000)
    with pytest.raises(UserError, match=r"run-0: process 1 of 2 ended by SIGKILL.*resumes from the last checkpoint"):
        torchrun.train(long, RankKiller(long.work))
    assert not processes_of(long.work)


def test_interrupted_stage_stops_all_processes(mnist_folder: Path, tmp_path: Path) -> None:
    long = job(tmp_path / "work", mnist_folder, epochs=1000)
    with pytest.raises(KeyboardInterrupt):
        torchrun.train(long, RecordingCallback(interrupt_at=3))
    assert not processes_of(long.work)


def test_user_error_is_reported_by_the_stage_only(
    mnist_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = job(tmp_path / "work", mnist_folder)
    (damaged.work / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(UserError, match=r"checkpoint\.pt: the checkpoint is damaged"):
        torchrun.train(damaged, RecordingCallback())
    assert capfd.readouterr().err == ""
    assert not processes_of(damaged.work)


@pytest.mark.parametrize(
    ("changes", "status", "epochs"),
    [({"lr": 100.0, "epochs": 20}, "diverged", 0), ({"lr": 1e-12, "epochs": 3, "stop_early": True}, "collapsed", 1)],
)
def test_failed_training_ends_in_all_processes(
    changes: dict[str, Any], status: str, epochs: int, mnist_folder: Path, tmp_path: Path
) -> None:
    failed = job(tmp_path / "work", mnist_folder, **changes)
    torchrun.train(failed, RecordingCallback())
    outcome = json.loads((failed.work / "result" / "status.json").read_text())
    assert (outcome["status"], outcome["epochs"]) == (status, epochs)


def test_two_processes_reach_the_weights_of_one(tmp_path: Path) -> None:
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    module = ["-m", "tests.executors.shared_steps", str(tmp_path)]
    subprocess.run([sys.executable, *command, *module], cwd=REPOSITORY, check=True)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    for case in shared_steps.CASES:
        for name, weight in shared_steps.trained_weights(case).items():
            assert torch.equal(first[case][name], second[case][name]), (case, name)
            torch.testing.assert_close(first[case][name], weight, rtol=1e-5, atol=2e-6)
