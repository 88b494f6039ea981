"""`ganpipe repro -j N`: `dvc repro` with several stages at once."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path

import yaml
from tqdm import tqdm

from ganpipe.common import checkout
from ganpipe.common.errors import UserError
from ganpipe.common.process import available_cores
from ganpipe.config import Compute
from ganpipe.plan import layout
from ganpipe.scheduling.display import Display, new_display
from ganpipe.scheduling.estimate import Durations, TimeLeft, seconds_left, time_left
from ganpipe.scheduling.graph import StageGraph
from ganpipe.scheduling.locks import clean_path_users, path_users_lock
from ganpipe.scheduling.recorder import Recorder
from ganpipe.scheduling.worker_pool import Job, WorkerPool

_GPUS = ((Path("/proc/driver/nvidia/gpus"), "*"), (Path("/dev"), "nvidia[0-9]*"))
"""Folders and patterns of the entries that NVIDIA's driver creates for each GPU."""
_TICK_S = 1.0
_PARTIAL = ("is cached - skipping run", ": resuming after ")
"""Parts of a log that show that a stage did not do all of its work: DVC's run cache, and a training's checkpoint."""


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
    if compute.device == "mps" or (compute.device != "cpu" and has_gpu()):
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

    tqdm.monitor_interval = 0  # DVC's bars would start a thread, and no process with threads is forked
    graph = StageGraph(targets)
    with path_users_lock(graph.locks):
        clean_path_users(graph.locks)  # what a killed `dvc repro` left half written
    with WorkerPool(checkout.private_folder() / "logs", graph.locks) as pool, new_display() as display:
        reproduction = _Reproduction(graph, pool, display, jobs)
        done = reproduction.run()
        if done:
            reproduction.confirm(targets)
    checked = sum(map(graph.always_runs, graph.upstream))
    print(f"{done} stages done, {len(graph.upstream) - done - checked} were up to date", flush=True)


class _Reproduction:
    """One pass over the graph."""

    def __init__(self, graph: StageGraph, pool: WorkerPool, display: Display, jobs: int) -> None:
        self._graph, self._pool, self._display, self._jobs = graph, pool, display, jobs
        self._sorter = TopologicalSorter(graph.upstream)
        self._sorter.prepare()
        self._depths = _downstream_depths(graph.upstream)
        self._order = {stage: number for number, stage in enumerate(graph.upstream)}
        self._queue: list[str] = []
        self._done, self._failed, self._up_to_date = list[Job](), list[Job](), set[str]()
        self._recorder = Recorder(graph)
        self._durations = Durations(checkout.private_folder() / "durations.json")

    def run(self) -> int:
        """Bring all stages up to date; return how many ran, not counting those that always run. Raises UserError."""
        try:
            self._run()
        finally:
            self._recorder.write()
            self._durations.save()
        return sum(not self._graph.always_runs(job.name) for job in self._done)

    def confirm(self, targets: Sequence[str]) -> None:
        """Run `dvc repro TARGETS`, which finds nothing to do. Raises UserError if it fails."""
        self._pool.start("dvc repro", partial(_dvc, "repro", *targets))
        while not (ended := self._pool.wait(_TICK_S)):
            self._show()
        (confirmation,) = ended
        self._display.event("confirmed" if confirmation.succeeded else "failed", confirmation)
        if not confirmation.succeeded:
            raise _failure([confirmation])

    def _run(self) -> None:
        self._queue_ready_stages()
        while self._pool.running or self._queue:
            while self._queue and len(self._pool.running) < self._jobs:
                stage = self._queue.pop(0)
                self._display.event("started", self._pool.start(stage, partial(self._graph.reproduce, stage)))
            self._show()
            ended = self._pool.wait(_TICK_S)
            for job in ended:
                self._display.event("done" if job.succeeded else "failed", job)
                if job.succeeded:
                    self._done.append(job)
                    self._recorder.add(job)
                    self._sorter.done(job.name)
                    self._measure(job)
                else:
                    self._failed.append(job)
            if self._failed:
                self._queue = []
            elif ended:
                self._queue_ready_stages()
            self._recorder.write_if_due()
        if self._failed:
            raise _failure(self._failed)

    def _measure(self, job: Job) -> None:
        if not job.logged(*_PARTIAL):
            self._durations.add(self._graph.kind(job.name), job.seconds)

    def _show(self) -> None:
        finished = len(self._done) + len(self._failed) + len(self._up_to_date)
        counts = {
            "failed": len(self._failed),
            "done": len(self._done),
            "up to date": len(self._up_to_date),
            "running": len(self._pool.running),
            "waiting": max(0, len(self._graph.upstream) - finished - len(self._pool.running)),
        }
        self._display.refresh(self._pool.running, counts, self._time_left)

    def _time_left(self) -> TimeLeft:
        running = {job.name: job for job in self._pool.running}
        finished = self._up_to_date.union(job.name for job in (*self._done, *self._failed))
        unfinished = [stage for stage in self._graph.upstream if stage not in finished]
        left = dict[str, float | None]()
        for stage in unfinished:
            left[stage] = self._durations.get(self._graph.kind(stage))
            if job := running.get(stage):
                left[stage] = seconds_left(job.last_lines(1), job.quiet_seconds, job.seconds, left[stage])
        started = {*running, *self._queue}
        certain = [stage for stage in unfinished if stage in started or not self._graph.recorded(stage)]
        return time_left(self._graph.upstream, left, certain, self._jobs)

    def _queue_ready_stages(self) -> None:
        """Queue the stages that must run now; a stage that DVC would skip is done and may make others ready.

        Trainings run last, so that each is sampled and evaluated before the next begins and an interrupted grid has
        results; otherwise the stages with the longest chain of dependents run first.
        """
        with self._graph.locked():
            while ready := self._sorter.get_ready():
                changed = self._graph.changed(ready)
                self._queue += [stage for stage in ready if stage in changed]
                self._up_to_date.update(unchanged := set(ready) - changed)
                self._sorter.done(*unchanged)
        self._queue.sort(key=lambda stage: (stage.startswith("train@"), -self._depths[stage], self._order[stage]))


def _dvc(*arguments: str) -> None:
    """Run a command of DVC. Raises SystemExit with its exit code if it failed."""
    from dvc.cli import main

    if code := main(["--wait-for-lock", *arguments]):
        sys.exit(code)


def _downstream_depths(upstream: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Return the length of the longest chain of dependents of each stage; `upstream` is in topological order."""
    depths = dict.fromkeys(upstream, 0)
    for stage in reversed(list(upstream)):
        for dependency in upstream[stage]:
            depths[dependency] = max(depths[dependency], depths[stage] + 1)
    return depths


def _failure(jobs: Sequence[Job]) -> UserError:
    return UserError.listing(
        "some stages failed. Fix the errors and run the same command again; finished stages are kept:",
        [f"{job.name} failed; its complete output is in {job.log}" for job in jobs],
    )
