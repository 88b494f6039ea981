"""A training on a cluster of several nodes: the same bits as here, also when its node is lost on the way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ganpipe.common.errors import UserError
from ganpipe.config import Compute
from ganpipe.executors import local
from ganpipe.executors.job import Job
from tests.conftest import REPOSITORY
from tests.training.test_loop import Silent, contents, settings

pytest.importorskip("ray", reason="Ray is not installed (make ray)")

from ganpipe.executors import ray as on_ray

NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head that takes no work and two nodes with a CPU each, all on this machine."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args=NODE | {"num_cpus": 0})
    nodes = [made.add_node(**NODE) for _ in range(2)]
    assert len(nodes) == 2
    os.environ["RAY_ADDRESS"] = made.address
    yield made
    del os.environ["RAY_ADDRESS"]
    made.shutdown()


def job(work: Path, prepared: Path, **changes: Any) -> Job:
    work.mkdir()
    return Job("run-0", settings(**changes), prepared, work, Compute(executor="ray"), {}, checkpoint_every=0.0)


class Saboteur(Silent):
    """Kills the node that trains as soon as it has ended an epoch."""

    def __init__(self, cluster: Any) -> None:
        super().__init__()
        self.cluster, self.killed = cluster, False

    def epoch(self, history: Any, epochs: Any) -> None:
        super().epoch(history, epochs)
        if not self.killed:
            self.killed = True
            busy = running_task().node_id
            (node,) = (node for node in self.cluster.worker_nodes if node.node_id == busy)
            self.cluster.remove_node(node, allow_graceful=False)


def running_task(*ended: int) -> Any:
    """What Ray tells of the task that runs; it tells late, and for a while also of those whose workers have ended."""
    from ray.util.state import list_tasks

    for _ in range(100):
        tasks = list_tasks(filters=[("state", "=", "RUNNING")], detail=True)
        tasks = [task for task in tasks if task.worker_pid and task.worker_pid not in ended]
        if tasks:
            return tasks[0]
        time.sleep(0.1)
    raise AssertionError("no task of Ray runs")


def test_same_bits_as_here_and_the_same_story(cluster: Any, mnist_folder: Path, tmp_path: Path) -> None:
    there, here = job(tmp_path / "there", mnist_folder), job(tmp_path / "here", mnist_folder)
    watched, told = Silent(), Silent()
    trained, alike = on_ray.train(there, watched), local.train(here, told)
    assert contents(there.work / "result") == contents(here.work / "result")
    assert contents(there.work).keys() == contents(here.work).keys()  # the checkpoint and the pictures came back, too
    assert (watched.begun, list(watched.epochs)) == (told.begun, list(told.epochs))
    assert trained.machine == {**alike.machine, "executor": "ray"}
    assert trained.costs.keys() == alike.costs.keys()


def test_a_lost_node_costs_no_bit(
    cluster: Any, mnist_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    long = {"epochs": 6, "images": 600, "generator": {"width": 32}, "discriminator": {"width": 32}}
    there, here = job(tmp_path / "there", mnist_folder, **long), job(tmp_path / "here", mnist_folder, **long)
    saboteur = Saboteur(cluster)
    on_ray.train(there, saboteur)
    local.train(here, Silent())
    first, second = saboteur.begun
    assert first == (0, 3600) and 600 <= second[0] < 3600
    assert "its node was lost" in capfd.readouterr().err
    assert contents(there.work / "result") == contents(here.work / "result")


def test_a_checkpoint_from_here_is_taken_up_there(cluster: Any, mnist_folder: Path, tmp_path: Path) -> None:
    there, here = job(tmp_path / "there", mnist_folder), job(tmp_path / "here", mnist_folder)
    with pytest.raises(KeyboardInterrupt):
        local.train(there, Silent(stop_at=8))
    watched = Silent()
    on_ray.train(there, watched)
    local.train(here, Silent())
    assert watched.begun[0][0] > 0
    assert contents(there.work / "result") == contents(here.work / "result")


def test_a_mistake_on_the_node_is_told_here(cluster: Any, mnist_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"other packages than the plan.*\n.*torch .*, not 0\.4"):
        on_ray.train(replace(job(tmp_path / "there", mnist_folder), packages={"torch": "0.4"}), Silent())


class Killer(Silent):
    """Kills each worker that begins."""

    def __init__(self) -> None:
        super().__init__()
        self.killed: list[int] = []

    def start(self, done: int, total: int) -> None:
        super().start(done, total)
        self.killed.append(running_task(*self.killed).worker_pid)
        os.kill(self.killed[-1], signal.SIGKILL)


def test_what_only_dies_is_given_up(cluster: Any, mnist_folder: Path, tmp_path: Path) -> None:
    wide = {"generator": {"width": 64}, "discriminator": {"width": 64}, "images": 600, "epochs": 100}
    endless = replace(job(tmp_path / "there", mnist_folder, **wide), checkpoint_every=1e9)
    killer = Killer()
    with pytest.raises(UserError, match="3 attempts in a row were lost before their first checkpoint"):
        on_ray.train(endless, killer)
    assert killer.begun == 3 * [(0, 60_000)] and len(set(killer.killed)) == 3


def test_a_killed_stage_leaves_no_training_behind(cluster: Any, mnist_folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.executors.test_ray import Silent, job, on_ray;"
        "on_ray.train(job(Path(sys.argv[1]), Path(sys.argv[2]), epochs=10_000), Silent())"
    )
    stage = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "there"), str(mnist_folder)], cwd=REPOSITORY)
    checkpoint = tmp_path / "there" / "checkpoint.pt"
    wait_until(lambda: checkpoint.exists() or stage.poll() is not None)
    worker = Path("/proc", str(running_task().worker_pid))
    stage.kill()
    stage.wait()
    wait_until(lambda: not worker.exists())
    watched = Silent(stop_at=1)
    with pytest.raises(KeyboardInterrupt):  # enough was seen
        local.train(replace(job(tmp_path / "again", mnist_folder, epochs=10_000), work=checkpoint.parent), watched)
    assert watched.begun[0][0] > 0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
