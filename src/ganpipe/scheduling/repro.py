"""`python -m ganpipe repro -j N`: what `dvc repro` does, with several stages at once."""

import signal
import sys
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter

import yaml

from ganpipe.common import checkout
from ganpipe.common.errors import UserError
from ganpipe.common.process import available_cores
from ganpipe.plan import layout
from ganpipe.scheduling.graph import StageGraph
from ganpipe.scheduling.worker_pool import Job, WorkerPool

_NEWS_S = 30.0
_LINES_OF_A_FAILURE = 30


def default_jobs() -> int:
    """As many as keep the cores busy: their number divided by the threads of one training, at least one."""
    try:
        threads = int(yaml.safe_load(layout.PARAMS.read_text(encoding="utf-8"))["compute"]["threads"])
    except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError):
        return 1  # the first stage, `plan`, tells what is wrong with the settings
    return max(1, available_cores() // max(1, threads))


def repro(jobs: int, targets: tuple[str, ...] = ()) -> None:
    """Bring the stages that targets stand for (without any: all of dvc.yaml) up to date, `jobs` of them at once.

    The workspace, the cache and dvc.lock end as after `dvc repro TARGETS`, which runs last and confirms it. The output
    of each stage goes to a file of its own in `.ganpipe/logs`. After a failure no further stage starts, and those that
    run may end. However this process dies, its workers and their stages end with it.

    Raises:
        UserError: `jobs` below 1, a pipeline that DVC cannot read, or stages that failed.
    """
    if jobs < 1:
        raise UserError(f"-j {jobs}: the number of stages at once must be at least 1")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)  # end as after Ctrl-C

    graph = StageGraph(targets)
    with WorkerPool(checkout.private() / "logs", graph.locks) as crew:
        done = _Reproduction(graph, crew, jobs).run()
        if done:
            graph.restore_order()
            crew.start("dvc repro", ["repro", *targets])
            (confirmation,) = crew.ended(patience=None)
            _tell("confirmed" if confirmation.succeeded else "failed", confirmation)
            if not confirmation.succeeded:
                raise _failure([confirmation])
    print(f"{done} stages done, {len(graph.upstream) - done} were up to date", flush=True)


class _Reproduction:
    """One pass over the graph."""

    def __init__(self, graph: StageGraph, crew: WorkerPool, jobs: int) -> None:
        self._graph, self._crew, self._jobs = graph, crew, jobs
        self._sorter = TopologicalSorter(graph.upstream)
        self._sorter.prepare()
        self._followers = _followers(graph.upstream)
        self._due: list[str] = []

    def run(self) -> int:
        """Work through all stages and give the number of those that were not up to date. Raises UserError."""
        done, failed = 0, list[Job]()
        self._look_for_due()
        while self._crew.running or self._due:
            while self._due and len(self._crew.running) < self._jobs:
                stage = self._due.pop(0)
                _tell("started", self._crew.start(stage, ["repro", "--single-item", stage]))
            ended = self._crew.ended(_NEWS_S)
            for job in ended:
                _tell("done" if job.succeeded else "failed", job)
                if job.succeeded:
                    done += 1
                    self._sorter.done(job.name)
                else:
                    failed.append(job)
            if failed:
                self._due = []
            elif ended:
                self._look_for_due()
            else:
                for job in self._crew.running:
                    _tell("running", job)
        if failed:
            raise _failure(failed)
        return done

    def _look_for_due(self) -> None:
        """Queue the stages that must run now; those that DVC would skip are done, and may open up others.

        Those with the longest chain behind them go first: what nothing waits for can fill the gaps at the end.
        """
        with self._graph.locked():
            while ready := self._sorter.get_ready():
                for stage in ready:
                    if self._graph.changed(stage):
                        self._due.append(stage)
                    else:
                        self._sorter.done(stage)
        order = list(self._graph.upstream)
        self._due.sort(key=lambda stage: (-self._followers[stage], order.index(stage)))


def _followers(upstream: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Length of the longest chain of stages that wait for each stage; `upstream` is in topological order."""
    lengths = dict.fromkeys(upstream, 0)
    for stage in reversed(list(upstream)):
        for needed in upstream[stage]:
            lengths[needed] = max(lengths[needed], lengths[stage] + 1)
    return lengths


def _tell(event: str, job: Job) -> None:
    """One line for what became of a job; for a failure also what it printed last."""
    said = {"started": "", "running": f" {job.seconds:.0f} s: {' '.join(job.last_lines(1))}"}
    print(f"{event:9} {job.name}{said.get(event, f' {job.seconds:.1f} s')}", flush=True)
    if event == "failed":
        print("\n".join(f"  {line}" for line in job.last_lines(_LINES_OF_A_FAILURE)), file=sys.stderr, flush=True)


def _failure(jobs: Sequence[Job]) -> UserError:
    return UserError.listing(
        "not everything could be brought up to date; mend this and run the same again, what is done is kept:",
        [f"{job.name} failed; all that it printed is in {job.log}" for job in jobs],
    )
