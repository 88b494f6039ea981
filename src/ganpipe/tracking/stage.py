"""A stage's tracking: it may fail, and then costs one warning and a few seconds, never a result."""

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from ganpipe.records.store import Part, begin, load, owned
from ganpipe.tracking.patience import TrackingError, promised, public
from ganpipe.tracking.push import open_run, push_curves
from ganpipe.tracking.registry import show
from ganpipe.tracking.store import STAGE, Store, location, open_store

T = TypeVar("T")


class Tracking:
    """Access to MLflow for one stage: opened while the stage works, given up at the first trouble."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._store = promised(open_store, root, STAGE)
        self._given_up = False

    def attempt(self, work: Callable[[Store], T]) -> T | None:
        """Do the work on the store; None once the store has failed."""
        if self._given_up:
            return None
        try:
            return work(self._store.result())
        except (TrackingError, OSError) as trouble:
            self._given_up = True
            print(
                f"warning: MLflow at {public(location(self._root))} failed ({trouble}). Nothing is lost: "
                "`python -m ganpipe sync` fills it in from the records on disk.",
                file=sys.stderr,
            )
            return None

    def publish(self, key: str) -> None:
        """Show the record of a key, as far as it is filed."""
        record = load(self._root, key)
        self.attempt(lambda store: show(store, record, report=print))


class LiveRun(AbstractContextManager["LiveRun"]):
    """The MLflow run of a training while it runs, opened and filled beside its steps.

    `part` is what to file when it has ended: that of the first start, where it was killed and resumed. Leaving the
    block with an exception marks the run as failed; a killed one is closed by `sync`.
    """

    def __init__(self, tracking: Tracking, root: Path, key: str, part: Part) -> None:
        self._tracking = tracking
        self._root, self._key = root, key
        self._marks = ExitStack()
        self._underway: Future[Any | None] = Future()  # the run, once it is open and the last epoch is logged
        self.part = begin(root, key, part)

    def __enter__(self) -> Self:
        alone = self._marks.enter_context(owned(self._root, self._key))  # else another process trains and logs it
        if alone and self.part.name not in load(self._root, self._key).parts:
            self._underway = promised(self._tracking.attempt, self._open)
        else:
            self._underway.set_result(None)
        return self

    def epoch(self, history: Sequence[Mapping[str, Any]], epochs: Sequence[Mapping[str, Any]]) -> None:
        """Log what is new in the curves, both given whole, as they will stand in history.csv and epochs.csv.

        The training does not wait for it: while MLflow is busy, nothing is begun, and the next epoch or `publish`
        takes along the rest.
        """
        if self._underway.done() and (run := self.settled()):
            self._underway = promised(self._log, run, list(history), list(epochs))

    def settled(self) -> Any | None:
        """The MLflow run as soon as nothing is being logged; None where there is none to be filled."""
        return self._underway.result()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Waits for a server that has not answered yet: a run that was opened after this would stay open.
        if (run := self.settled()) and kind:
            status = "FAILED" if issubclass(kind, Exception) else "KILLED"
            self._tracking.attempt(lambda store: store.client.set_terminated(run.info.run_id, status))
        self._marks.close()

    def _log(self, run: Any, history: Sequence[Mapping[str, Any]], epochs: Sequence[Mapping[str, Any]]) -> Any:
        self._tracking.attempt(lambda store: push_curves(store, run, history, epochs, self.part.started_ms))
        return run

    def _open(self, store: Store) -> Any | None:
        run = open_run(store, self._key, self.part)
        if f"ganpipe.part.{self.part.name}" in run.data.tags:
            return None  # complete in MLflow, though not on disk; should it end otherwise, `publish` sees to it
        if run.info.status != "RUNNING":
            store.client.update_run(run.info.run_id, status="RUNNING")
        return run
