"""A stage's tracking: it may fail, and then costs one warning and a few seconds, never a result."""

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from ganpipe.records.store import Part, Record, begin, load, run_lock
from ganpipe.tracking import live
from ganpipe.tracking.logging_process import LoggingProcess
from ganpipe.tracking.model_registry import show
from ganpipe.tracking.store import STAGE, Store, location
from ganpipe.tracking.timeouts import TrackingError, in_background, redact

T = TypeVar("T")
P = ParamSpec("P")


class Tracking(AbstractContextManager["Tracking"]):
    """Access to MLflow for one stage: opened while the stage works, given up at the first trouble."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._service = LoggingProcess(root, STAGE)
        self._given_up = False

    def __exit__(self, *_: object) -> None:
        self._service.close()

    def attempt(self, work: Callable[Concatenate[Store, P], T], *arguments: P.args, **options: P.kwargs) -> T | None:
        """Do the work on the store, as `Service.ask` does; None once the store has failed."""
        if self._given_up:
            return None
        try:
            return self._service.ask(work, *arguments, **options)
        except TrackingError as trouble:
            self._given_up = True
            print(
                f"warning: MLflow at {redact(location(self._root))} failed ({trouble}). Nothing is lost: "
                "`python -m ganpipe sync` fills it in from the records on disk.",
                file=sys.stderr,
            )
            return None

    def publish(self, key: str) -> None:
        """Show the record of a key, as far as it is filed."""
        for line in self.attempt(_shown, load(self._root, key)) or ():
            print(line)


class LiveRun(AbstractContextManager["LiveRun"]):
    """The MLflow run of a training while it runs, opened and filled beside its steps.

    `part` is what to file when it has ended: that of the first start, where it was killed and resumed. Leaving the
    block with an exception marks the run as failed; a killed one is closed by `sync`.
    """

    def __init__(self, tracking: Tracking, root: Path, key: str, part: Part) -> None:
        self._tracking = tracking
        self._root, self._key = root, key
        self._marks = ExitStack()
        self._underway: Future[Any] = Future()
        self._is_ours = False  # to be filled: no other process does, and it is not complete
        self.part = begin(root, key, part)

    def __enter__(self) -> Self:
        alone = self._marks.enter_context(run_lock(self._root, self._key))  # else another process trains and logs it
        if alone and self.part.name not in load(self._root, self._key).parts:
            self._underway = in_background(self._begin)
        else:
            self._underway.set_result(None)
        return self

    def epoch(self, history: Sequence[Mapping[str, Any]], epochs: Sequence[Mapping[str, Any]]) -> None:
        """Log what is new in the curves, both given whole, as they will stand in history.csv and epochs.csv.

        The training does not wait for it: while MLflow is busy, nothing is begun, and the next epoch or `publish`
        takes along the rest.
        """
        if self._underway.done() and self._is_ours:
            curves = list(history), list(epochs)
            self._underway = in_background(self._tracking.attempt, live.log_epoch, self._key, self.part, *curves)

    def wait(self) -> None:
        """Wait until nothing is being logged."""
        self._underway.result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait()  # a run that is opened after this would stay open
        if self._is_ours and kind:
            self._tracking.attempt(live.mark_failed, self._key, "FAILED" if issubclass(kind, Exception) else "KILLED")
        self._marks.close()

    def _begin(self) -> None:
        self._is_ours = bool(self._tracking.attempt(live.begin, self._key, self.part))


def _shown(store: Store, record: Record) -> list[str]:
    """Show a record; the lines that are to be told of it."""
    told: list[str] = []
    show(store, record, report=told.append)
    return told
