"""One training by two real processes: as repeatable as by one, whatever ends it."""

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
from tests.conftest import REPOSITORY
from tests.executors import shared_steps
from tests.processes import wait_until
from tests.training.test_loop import Silent, contents, settings

LIVELY = {"generator": {"width": 4}, "discriminator": {"width": 4, "dropout": 0.3}, "epochs": 6}
"""Statistics of batch normalisation, and random numbers within the networks."""


def job(work: Path, prepared: Path, processes: int = 2, **changes: Any) -> Job:
    work.mkdir(exist_ok=True)
    run = settings(processes=processes, **changes)
    return Job("run-0", run, prepared, work, Compute(executor="torchrun"), {}, checkpoint_every=0.0)


def processes_of(work: Path) -> list[psutil.Process]:
    """All that run for the training in this folder, which their task names."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = any(f'"{work}"' in argument for argument in process.cmdline())
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.fixture(scope="module")
def alone(mnist_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], Silent]:
    """The result of a training that nothing disturbed, and what was told of it."""
    watched = Silent()
    undisturbed = job(tmp_path_factory.mktemp("alone"), mnist_folder, **LIVELY)
    trained = torchrun.train(undisturbed, watched)
    assert (trained.machine["executor"], trained.machine["processes"]) == ("torchrun", "2")
    assert trained.costs.keys() >= {"seconds", "images_per_second"}
    return contents(undisturbed.work / "result"), watched


def test_same_inputs_same_bits(alone: tuple[dict[str, bytes], Silent], mnist_folder: Path, tmp_path: Path) -> None:
    result, first = alone
    again, watched = job(tmp_path / "again", mnist_folder, **LIVELY), Silent()
    torchrun.train(again, watched)
    assert contents(again.work / "result") == result
    assert set(contents(again.work)) == {"checkpoint.pt", *(f"result/{name}" for name in result)} | {
        f"progress/epoch-000{number}.png" for number in range(1, 7)
    }
    assert watched.begun == first.begun == [(0, 1800)] and watched.steps == 36
    assert watched.epochs == first.epochs and len(watched.epochs) == 6


def test_one_process_does_what_the_stage_does(mnist_folder: Path, tmp_path: Path) -> None:
    there, here = (job(tmp_path / name, mnist_folder, processes=1) for name in ("there", "here"))
    watched, told = Silent(), Silent()
    torchrun.train(there, watched)
    local.train(here, told)
    assert contents(there.work / "result") == contents(here.work / "result")
    assert (watched.begun, watched.steps, watched.epochs) == (told.begun, told.steps, told.epochs)


def test_a_killed_stage_leaves_none_behind_and_is_gone_on_with(
    alone: tuple[dict[str, bytes], Silent], mnist_folder: Path, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    code = (
        "import sys; from pathlib import Path; from tests.executors import test_torchrun as t;"
        "t.torchrun.train(t.job(Path(sys.argv[1]), Path(sys.argv[2]), **t.LIVELY), t.Suicidal())"
    )
    stage = subprocess.run([sys.executable, "-c", code, str(work), str(mnist_folder)], cwd=REPOSITORY, check=False)
    assert stage.returncode == -signal.SIGKILL
    wait_until(lambda: not processes_of(work))
    watched = Silent()
    torchrun.train(job(work, mnist_folder, **LIVELY), watched)
    assert 0 < watched.begun[0][0] < 1800
    assert contents(work / "result") == alone[0]


class Suicidal(Silent):
    """Kills its own process in the midst of an epoch, as a full machine would."""

    def step(self, images: int) -> None:
        super().step(images)
        if self.steps == 9:
            psutil.Process().kill()


class Murderer(Silent):
    """Kills the second process of the training."""

    def __init__(self, work: Path) -> None:
        super().__init__()
        self.work = work

    def step(self, images: int) -> None:
        super().step(images)
        if self.steps == 3:
            (second,) = (one for one in processes_of(self.work) if one.environ().get("RANK") == "1")
            second.kill()


def test_a_lost_process_ends_all_and_is_named(mnist_folder: Path, tmp_path: Path) -> None:
    long = job(tmp_path / "work", mnist_folder, epochs=1000)
    with pytest.raises(UserError, match=r"run-0: process 1 of 2 ended by SIGKILL.*goes on from the last checkpoint"):
        torchrun.train(long, Murderer(long.work))
    assert not processes_of(long.work)


def test_an_interrupted_stage_ends_all(mnist_folder: Path, tmp_path: Path) -> None:
    long = job(tmp_path / "work", mnist_folder, epochs=1000)
    with pytest.raises(KeyboardInterrupt):
        torchrun.train(long, Silent(stop_at=3))
    assert not processes_of(long.work)


def test_a_mistake_is_told_by_the_stage_alone(
    mnist_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = job(tmp_path / "work", mnist_folder)
    (damaged.work / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(UserError, match=r"checkpoint\.pt is damaged"):
        torchrun.train(damaged, Silent())
    assert capfd.readouterr().err == ""
    assert not processes_of(damaged.work)


@pytest.mark.parametrize(
    ("changes", "status", "epochs"),
    [({"lr": 100.0, "epochs": 20}, "diverged", 0), ({"lr": 1e-12, "epochs": 3, "stop_early": True}, "collapsed", 1)],
)
def test_a_lost_training_ends_in_all_at_once(
    changes: dict[str, Any], status: str, epochs: int, mnist_folder: Path, tmp_path: Path
) -> None:
    lost = job(tmp_path / "work", mnist_folder, **changes)
    torchrun.train(lost, Silent())
    outcome = json.loads((lost.work / "result" / "status.json").read_text())
    assert (outcome["status"], outcome["epochs"]) == (status, epochs)


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    module = ["-m", "tests.executors.shared_steps", str(tmp_path)]
    subprocess.run([sys.executable, *command, *module], cwd=REPOSITORY, check=True)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    for case in shared_steps.CASES:
        one = shared_steps.weights(case)
        for name, weight in one.items():
            assert torch.equal(first[case][name], second[case][name]), (case, name)
            torch.testing.assert_close(first[case][name], weight, rtol=1e-5, atol=2e-6)
