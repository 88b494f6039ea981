"""A training on a cluster of several nodes gives the bits of a local one, even if its node is lost."""

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
from tests.training.runs import NEVER, RecordingCallback, contents, settings

pytest.importorskip("ray", reason="Ray is not installed (make ray)")

from ganpipe.executors import ray as ray_executor

NODE = {"num_cpus": 1, "object_store_memory": 100 << 20}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without CPUs and two nodes with one CPU each, all on this machine."""
    from ray.cluster_utils import Cluster

    started = Cluster(initialize_head=True, head_node_args=NODE | {"num_cpus": 0})
    nodes = [started.add_node(**NODE) for _ in range(2)]
    assert len(nodes) == 2
    os.environ["RAY_ADDRESS"] = started.address
    yield started
    del os.environ["RAY_ADDRESS"]
    started.shutdown()


def job(work: Path, prepared: Path, **changes: Any) -> Job:
    work.mkdir()
    return Job("run-0", settings(**changes), prepared, work, Compute(executor="ray"), {}, checkpoint_every=0.0)


class NodeKiller(RecordingCallback):
    """Kills the node of the training after its first epoch."""

    def __init__(self, cluster: Any) -> None:
        super().__init__()
        self.cluster, self.killed = cluster, False

    def on_epoch(self, history: Any, epochs: Any) -> None:
        super().on_epoch(history, epochs)
        if not self.killed:
            self.killed = True
            busy = running_task().node_id
            (node,) = (node for node in self.cluster.worker_nodes if node.node_id == busy)
            self.cluster.remove_node(node, allow_graceful=False)


def running_task(*ended: int) -> Any:
    """Return Ray's record of the running task; Ray lists it late, and for a while also those of the `ended` workers."""
    from ray.util.state import list_tasks

    for _ in range(100):
        tasks = list_tasks(filters=[("state", "=", "RUNNING")], detail=True)
        tasks = [task for task in tasks if task.worker_pid and task.worker_pid not in ended]
        if tasks:
            return tasks[0]
        time.sleep(0.1)
    raise AssertionError("Ray runs no task")


def test_cluster_gives_the_bits_and_the_events_of_a_local_training(
    cluster: Any, mnist_folder: Path, tmp_path: Path
) -> None:
    remote, here = job(tmp_path / "remote", mnist_folder), job(tmp_path / "local", mnist_folder)
    remote_callback, local_callback = RecordingCallback(), RecordingCallback()
    trained, trained_here = ray_executor.train(remote, remote_callback), local.train(here, local_callback)
    assert contents(remote.work / "result") == contents(here.work / "result")
    assert contents(remote.work).keys() == contents(here.work).keys()  # with checkpoint, tables and images
    assert remote_callback.starts == local_callback.starts
    assert list(remote_callback.history) == list(local_callback.history)
    assert list(remote_callback.epochs) == list(local_callback.epochs)
    assert trained.machine == {**trained_here.machine, "executor": "ray"}
    assert trained.costs.keys() == trained_here.costs.keys()


def test_lost_node_does_not_change_the_bits(
    cluster: Any, mnist_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    long = {"epochs": 6, "images": 600, "generator": {"width": 32}, "discriminator": {"width": 32}}
    remote, here = job(tmp_path / "remote", mnist_folder, **long), job(tmp_path / "local", mnist_folder, **long)
    callback = NodeKiller(cluster)
    ray_executor.train(remote, callback)
    local.train(here, RecordingCallback())
    first, second = callback.starts
    assert first == (0, 3600) and 600 <= second[0] < 3600
    assert "its node was lost" in capfd.readouterr().err
    assert contents(remote.work / "result") == contents(here.work / "result")


def test_cluster_resumes_from_a_local_checkpoint(cluster: Any, mnist_folder: Path, tmp_path: Path) -> None:
    remote, here = job(tmp_path / "remote", mnist_folder), job(tmp_path / "local", mnist_folder)
    with pytest.raises(KeyboardInterrupt):
        local.train(remote, RecordingCallback(interrupt_at=8))
    callback = RecordingCallback()
    ray_executor.train(remote, callback)
    local.train(here, RecordingCallback())
    assert callback.starts[0][0] > 0
    assert contents(remote.work / "result") == contents(here.work / "result")


def test_user_error_of_the_node_is_raised_by_the_stage(cluster: Any, mnist_folder: Path, tmp_path: Path) -> None:
    other_packages = replace(job(tmp_path / "remote", mnist_folder), packages={"torch": "0.4"})
    with pytest.raises(UserError, match=r"packages differ from those of the plan.*\n.*torch .*, not 0\.4"):
        ray_executor.train(other_packages, RecordingCallback())


class WorkerKiller(RecordingCallback):
    """Kills every worker that starts the training."""

    def __init__(self) -> None:
        super().__init__()
        self.killed: list[int] = []

    def on_start(self, done: int, total: int) -> None:
        super().on_start(done, total)
        self.killed.append(running_task(*self.killed).worker_pid)
        os.kill(self.killed[-1], signal.SIGKILL)


def test_training_that_is_lost_three_times_is_given_up(cluster: Any, mnist_folder: Path, tmp_path: Path) -> None:
    wide = {"generator": {"width": 64}, "discriminator": {"width": 64}, "images": 600, "epochs": 100}
    endless = replace(job(tmp_path / "remote", mnist_folder, **wide), checkpoint_every=NEVER)
    callback = WorkerKiller()
    with pytest.raises(UserError, match="3 attempts in a row were lost before their first checkpoint"):
        ray_executor.train(endless, callback)
    assert callback.starts == 3 * [(0, 60_000)] and len(set(callback.killed)) == 3


def test_killed_stage_leaves_no_training_running(cluster: Any, mnist_folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.executors import test_ray as t;"
        "t.ray_executor.train(t.job(Path(sys.argv[1]), Path(sys.argv[2]), epochs=10_000), t.RecordingCallback())"
    )
    stage = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "remote"), str(mnist_folder)], cwd=REPOSITORY)
    checkpoint = tmp_path / "remote" / "checkpoint.pt"
    wait_until(lambda: checkpoint.exists() or stage.poll() is not None)
    worker = Path("/proc", str(running_task().worker_pid))
    stage.kill()
    stage.wait()
    wait_until(lambda: not worker.exists())
    callback = RecordingCallback(interrupt_at=1)
    with pytest.raises(KeyboardInterrupt):  # its start is all that is needed
        local.train(replace(job(tmp_path / "again", mnist_folder, epochs=10_000), work=checkpoint.parent), callback)
    assert callback.starts[0][0] > 0


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
