"""Tracking of a stage. A failure costs one warning and a few seconds, never a result."""

import sys
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ganpipe.records.store import Part, begin_part, load, run_lock
from ganpipe.tracking.curves import Point, Row, TrainingCurves
from ganpipe.tracking.logging_connection import LoggingConnection
from ganpipe.tracking.store import location
from ganpipe.tracking.timeouts import STAGE, TrackingError, in_background, redact


class Tracking(AbstractContextManager["Tracking"]):
    """Access to MLflow for one stage: opened while the stage works, given up at the first failure."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._connection = LoggingConnection(root, STAGE)
        self._given_up = False

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def attempt(self, operation: str, **arguments: Any) -> Any:
        """Run an operation of the logging process and return its result; None once the store has failed."""
        if self._given_up:
            return None
        try:
            return self._connection.call(operation, **arguments)
        except TrackingError as error:
            self._given_up = True
            print(
                f"warning: MLflow at {redact(location(self._root))} failed ({error}). Nothing is lost: "
                "`ganpipe sync` adds the missing runs from the records on disk.",
                file=sys.stderr,
            )
            return None

    def publish(self, key: str) -> None:
        """Display the record of a key as far as it is on disk."""
        for line in self.attempt("show_record", key=key) or ():
            print(line)


class LiveRun(AbstractContextManager["LiveRun"]):
    """The MLflow run of a training in progress, opened and filled in the background.

    `part` is what to record at the end; after a kill and resume it is that of the first start. An exception in the
    block marks the run as failed; `sync` closes the run of a killed process.
    """

    def __init__(self, tracking: Tracking, root: Path, key: str, part: Part) -> None:
        self._tracking = tracking
        self._root, self._key = root, key
        self._locks = ExitStack()
        self._in_progress: Future[Any] = Future()
        self._is_ours = False  # no other process logs this run, and it is not complete
        self._resumed = True
        self._pending: list[Point] = []
        self.part = begin_part(root, key, part)
        self._curves = TrainingCurves(self.part)

    def __enter__(self) -> Self:
        exclusive = self._locks.enter_context(run_lock(self._root, self._key))
        if exclusive and self.part.name not in load(self._root, self._key).parts:
            self._in_progress = in_background(self._begin)
        else:
            self._in_progress.set_result(None)
        return self

    def log_epoch(self, history: Sequence[Row], epochs: Sequence[Row]) -> None:
        """Log new rows of history.csv and epochs.csv. The first call must contain all rows so far.

        The training does not wait: while MLflow is busy, points are kept and sent with the next call. What is left when
        the training ends, `Tracking.publish` fills in from the record.
        """
        self._pending += self._curves.add(history, epochs)
        if self._in_progress.done():
            self._send_pending()

    def wait(self) -> None:
        """Wait until nothing is being logged."""
        self._in_progress.result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait()  # a run that was opened after this would stay open
        if self._is_ours and kind:
            self._send_pending()
            self.wait()
            status = "FAILED" if issubclass(kind, Exception) else "KILLED"
            self._tracking.attempt("mark_failed", key=self._key, status=status)
        self._locks.close()

    def _begin(self) -> None:
        self._is_ours = bool(self._tracking.attempt("begin", key=self._key, part=asdict(self.part)))

    def _send_pending(self) -> None:
        points, self._pending = self._pending, []
        if points and self._is_ours:
            arguments = {"key": self._key, "points": points, "resumed": self._resumed}
            self._in_progress = in_background(self._tracking.attempt, "log_points", **arguments)
            self._resumed = False
