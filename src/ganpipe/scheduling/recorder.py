"""Writing the entries of finished stages to dvc.lock, several at once."""

import time
from typing import Any

from ganpipe.scheduling.graph import StageGraph
from ganpipe.scheduling.worker_pool import Job

_WAIT = 20.0  # between two writes, in units of what the last one took


class Recorder:
    """The entries of finished stages that dvc.lock does not have yet.

    Writing a large dvc.lock takes seconds, so several stages are written at once if they end in quick succession. If
    the scheduler is killed before that, DVC restores the stages from its run cache instead of running them again.
    """

    def __init__(self, graph: StageGraph) -> None:
        self._graph = graph
        self._entries: dict[str, dict[str, Any]] = {}
        self._urgent = False
        self._next = 0.0

    def add(self, job: Job) -> None:
        """Keep the entry of a stage that has succeeded."""
        if job.result is not None:
            self._entries[job.name] = job.result
            self._urgent |= not self._graph.restorable(job.name)

    def write_if_due(self) -> None:
        """Write the entries if that takes at most a twentieth of the time since the last write."""
        if self._urgent or time.monotonic() >= self._next:
            self.write()

    def write(self) -> None:
        """Write the entries."""
        if self._entries:
            start = time.monotonic()
            self._graph.record(self._entries)
            self._entries, self._urgent = {}, False
            self._next = time.monotonic() + _WAIT * (time.monotonic() - start)
