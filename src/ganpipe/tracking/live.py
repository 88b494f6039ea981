"""What a training shows in MLflow while it runs. Each function finds the run anew: it may have gone meanwhile."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ganpipe.records.store import Part
from ganpipe.tracking.push import open_run, push_curves
from ganpipe.tracking.store import Store


def begin(store: Store, key: str, part: Part) -> bool:
    """Open the run of a record, or take it up; False where it is complete in MLflow already, though not on disk."""
    run = open_run(store, key, part)
    if f"ganpipe.part.{part.name}" in run.data.tags:
        return False  # should it end otherwise, `push` sees to it
    if run.info.status != "RUNNING":
        store.client.update_run(run.info.run_id, status="RUNNING")
    return True


def log_epoch(
    store: Store,
    key: str,
    part: Part,
    history: Sequence[Mapping[str, Any]],
    epochs: Sequence[Mapping[str, Any]],
) -> None:
    """Log what is new in both curves."""
    if run := store.find(key):
        push_curves(store, run, history, epochs, part.started_ms)


def mark_failed(store: Store, key: str, status: Literal["FAILED", "KILLED"]) -> None:
    """Mark the run of a training that did not end."""
    if run := store.find(key):
        store.client.set_terminated(run.info.run_id, status)
