"""What every stage script has in common: its name, its beginning, and how its end is recorded."""

import sys
from collections.abc import Callable, Mapping
from typing import NoReturn

from ganpipe.common.checkout import root
from ganpipe.common.process import die_with_parent, end, guarded, tune_allocator
from ganpipe.records.outputs import file_outputs
from ganpipe.records.run_environment import Stopwatch, labels, machine
from ganpipe.records.writers import RunEnvironment
from ganpipe.tracking.stage_tracking import Tracking


class Stage:
    """One execution of a stage, named by its run or dataset where it has one."""

    def __init__(self, kind: str, name: str, tracking: Tracking) -> None:
        self.kind, self.name, self.tracking = kind, name, tracking
        self._watch = Stopwatch()

    def circumstances(self, where: Mapping[str, str]) -> RunEnvironment:
        """How this execution went so far; `where`: labels of the machine that does the work."""
        return RunEnvironment(self._watch.started_ms, labels(where), self._watch.costs())

    def conclude(self, threads: int | None = None) -> None:
        """File the outputs in the records on disk, then show them in MLflow."""
        self.tracking.publish(file_outputs(self.kind, self.name, self.circumstances(machine(threads=threads))))


def run_stage(kind: str, work: Callable[[Stage], None]) -> NoReturn:
    """Do a stage's work and end the process: with 0, or with 1 and a message for a mistake of the user."""
    die_with_parent()
    tune_allocator()
    name = sys.argv[1] if len(sys.argv) > 1 else ""

    def tracked() -> None:
        with Tracking(root()) as tracking:
            work(Stage(kind, name, tracking))

    end(guarded(tracked))
