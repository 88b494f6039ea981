"""The frame of every stage script: its name, its tracking, and the recording of its outputs."""

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from ganpipe.common.checkout import root
from ganpipe.common.git import UNSHALLOW, GitError, is_shallow
from ganpipe.common.process import die_with_parent, exit_code_of, exit_now, tune_allocator
from ganpipe.records.outputs import record_outputs
from ganpipe.records.run_environment import RunEnvironment, Stopwatch, code_labels, machine_labels
from ganpipe.tracking.stage_tracking import Tracking


class Stage:
    """One execution of a stage. name: its run or dataset, empty for stages without one."""

    def __init__(self, kind: str, name: str, tracking: Tracking) -> None:
        self.kind, self.name, self.tracking = kind, name, tracking
        self._watch = Stopwatch()

    def environment(self, machine: Mapping[str, str]) -> RunEnvironment:
        """Return the environment and costs of this execution so far. machine: labels of the machine that computes."""
        return RunEnvironment(self._watch.started_ms, {**code_labels(), **machine}, self._watch.costs())

    def finish(self, threads: int | None = None) -> None:
        """Record the outputs on disk, then show them in MLflow."""
        environment = self.environment(machine_labels(threads=threads))
        self.tracking.publish(record_outputs(self.kind, self.name, environment))


def run_stage(kind: str, run: Callable[[Stage], None]) -> NoReturn:
    """Run a stage and exit the process: 0 on success, 1 with a message for a user error."""
    die_with_parent()
    tune_allocator()
    name = sys.argv[1] if len(sys.argv) > 1 else ""

    def run_tracked() -> None:
        _warn_if_experiment_will_be_lost()
        with Tracking(root()) as tracking:
            run(Stage(kind, name, tracking))

    exit_now(exit_code_of(run_tracked))


def _warn_if_experiment_will_be_lost() -> None:
    """Warn about `dvc exp run --temp` or the queue in a shallow clone: DVC loses the result and exits with 0."""
    if "DVC_EXP_NAME" not in os.environ or root() == Path.cwd().resolve():
        return
    with suppress(GitError):  # reported when the commit is recorded
        if is_shallow(root()):
            print(
                f"warning: {root()} is a shallow clone, so DVC will lose the result of this experiment. "
                f"Stop it and run {UNSHALLOW} first.",
                file=sys.stderr,
            )
