"""`ganpipe repro -j N`: `dvc repro` with several stages at once."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path

import yaml

from ganpipe.common import checkout
from ganpipe.common.errors import UserError
from ganpipe.common.process import available_cores
from ganpipe.config import Compute
from ganpipe.plan import layout
from ganpipe.scheduling.graph import StageGraph
from ganpipe.scheduling.locks import clean_path_users, path_users_lock
from ganpipe.scheduling.worker_pool import Job, WorkerPool

_GPUS = ((Path("/proc/driver/nvidia/gpus"), "*"), (Path("/dev"), "nvidia[0-9]*"))
"""Folders and patterns of the entries that NVIDIA's driver creates for each GPU."""
_STATUS_S = 30.0
_FAILURE_LINES = 30


def default_jobs() -> int:
    """Return how many stages run at once by default, given the settings of params.yaml."""
    try:
        return parallel_trainings(Compute.model_validate(yaml.safe_load(layout.PARAMS.read_bytes()).get("compute", {})))
    except (OSError, yaml.YAMLError, AttributeError, ValueError):
        return 1  # the first stage, `plan`, reports what is wrong with the settings


def parallel_trainings(compute: Compute) -> int:
    """Return how many trainings keep the machine busy: cores divided by the threads of one, or 1 if they use the GPU.

    All trainings use the first GPU; several at once would share its memory and take turns.
    """
    if compute.device != "cpu" and has_gpu():
        return 1
    return max(1, available_cores() // (compute.threads * compute.processes))


def has_gpu() -> bool:
    """Return whether there is an NVIDIA GPU that CUDA may use, without importing PyTorch, which takes seconds."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible not in ("", "-1") and any(any(folder.glob(pattern)) for folder, pattern in _GPUS)


def repro(jobs: int, targets: tuple[str, ...] = ()) -> None:
    """Bring the targets (default: all stages of dvc.yaml) up to date, running `jobs` stages at once.

    If any stage had to run besides those that DVC always runs, `dvc repro TARGETS` runs last as a confirmation.
    Workspace, cache and dvc.lock end in the same state as after `dvc repro TARGETS`.
    Each stage logs to its own file in `.ganpipe/logs`. After a failure no further stage starts, and the running ones
    finish. However this process dies, its workers and their stages die with it.

    Raises:
        UserError: `jobs` is below 1, DVC cannot read the pipeline, or a stage failed.
    """
    if jobs < 1:
        raise UserError(f"-j {jobs}: the number of parallel stages must be at least 1.")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # clean up as after Ctrl-C

    graph = StageGraph(targets)
    with path_users_lock(graph.locks):
        clean_path_users(graph.locks)  # what a killed `dvc repro` left half written
    with WorkerPool(checkout.private_folder() / "logs", graph.locks) as pool:
        done = _Reproduction(graph, pool, jobs).run()
        if done:
            graph.restore_order()
            pool.start("dvc repro", ["repro", *targets])
            (confirmation,) = pool.wait(timeout=None)
            _report("confirmed" if confirmation.succeeded else "failed", confirmation)
            if not confirmation.succeeded:
                raise _failure([confirmation])
    checked = sum(map(graph.always_runs, graph.upstream))
    print(f"{done} stages done, {len(graph.upstream) - done - checked} were up to date", flush=True)


class _Reproduction:
    """One pass over the graph."""

    def __init__(self, graph: StageGraph, pool: WorkerPool, jobs: int) -> None:
        self._graph, self._pool, self._jobs = graph, pool, jobs
        self._sorter = TopologicalSorter(graph.upstream)
        self._sorter.prepare()
        self._depths = _downstream_depths(graph.upstream)
        self._queue: list[str] = []

    def run(self) -> int:
        """Bring all stages up to date; return how many ran, not counting those that always run. Raises UserError."""
        done, failed = 0, list[Job]()
        self._queue_ready_stages()
        while self._pool.running or self._queue:
            while self._queue and len(self._pool.running) < self._jobs:
                stage = self._queue.pop(0)
                _report("started", self._pool.start(stage, ["repro", "--single-item", stage]))
            ended = self._pool.wait(_STATUS_S)
            for job in ended:
                _report("done" if job.succeeded else "failed", job)
                if job.succeeded:
                    done += not self._graph.always_runs(job.name)
                    self._sorter.done(job.name)
                else:
                    failed.append(job)
            if failed:
                self._queue = []
            elif ended:
                self._queue_ready_stages()
            else:
                for job in self._pool.running:
                    _report("running", job)
        if failed:
            raise _failure(failed)
        return done

    def _queue_ready_stages(self) -> None:
        """Queue the stages that must run now; a stage that DVC would skip is done and may make others ready.

        Trainings run last, so that each is sampled and evaluated before the next begins and an interrupted grid has
        results; otherwise the stages with the longest chain of dependents run first.
        """
        with self._graph.locked():
            while ready := self._sorter.get_ready():
                for stage in ready:
                    if self._graph.changed(stage):
                        self._queue.append(stage)
                    else:
                        self._sorter.done(stage)
        order = list(self._graph.upstream)
        self._queue.sort(key=lambda stage: (stage.startswith("train@"), -self._depths[stage], order.index(stage)))


def _downstream_depths(upstream: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the length of the longest chain of dependents of each stage; `upstream` is in topological order."""
    depths = dict.fromkeys(upstream, 0)
    for stage in reversed(list(upstream)):
        for dependency in upstream[stage]:
            depths[dependency] = max(depths[dependency], depths[stage] + 1)
    return depths


def _report(event: str, job: Job) -> None:
    """Print one line about a job and, for a failure, the end of its log."""
    details = {"started": "", "running": f" {job.seconds:.0f} s: {' '.join(job.last_lines(1))}"}
    print(f"{event:9} {job.name}{details.get(event, f' {job.seconds:.1f} s')}", flush=True)
    if event == "failed":
        print("\n".join(f"  {line}" for line in job.last_lines(_FAILURE_LINES)), file=sys.stderr, flush=True)


def _failure(jobs: Sequence[Job]) -> UserError:
    return UserError.listing(
        "some stages failed. Fix the errors and run the same command again; finished stages are kept:",
        [f"{job.name} failed; its complete output is in {job.log}" for job in jobs],
    )
