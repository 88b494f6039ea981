"""Fills MLflow from the records on disk, and closes the runs of processes that died."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ganpipe.common.errors import UserError
from ganpipe.common.progress import progress_bar
from ganpipe.records.store import Record, keys, load, records_folder, run_lock
from ganpipe.tracking.model_registry import show
from ganpipe.tracking.store import SYNC, Store, location, open_store
from ganpipe.tracking.timeouts import TrackingError, redact


@dataclass
class SyncResult:
    """Keys of the records: newly shown, already shown, closed since their process had died; damaged ones."""

    shown: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def sync(root: Path, report: Callable[[str], None] = tqdm.write) -> SyncResult:
    """Show every record of a checkout in MLflow; doing it again changes nothing.

    A damaged record is reported, and does not keep the others. Raises UserError when MLflow fails.
    """
    result = SyncResult()
    try:
        with progress_bar("sync", unit=" records") as bar:
            store = open_store(root, SYNC)
            records = _records(root, report, result)
            bar.total = len(records)
            for record in records:
                changed = show(store, record, report)
                (result.shown if changed else result.unchanged).append(record.key)
                bar.update()
            result.closed = _close_abandoned(store)
    except TrackingError as trouble:
        raise UserError(
            f"MLflow at {redact(location(root))} failed ({trouble}) after {len(result.shown)} records. "
            "See that it runs, or name another with MLFLOW_TRACKING_URI, and sync again."
        ) from trouble
    report(
        f"{redact(store.uri)}: {len(result.shown)} records shown, {len(result.unchanged)} already there, "
        f"{len(result.closed)} runs of dead processes closed, {len(result.damaged)} damaged records left out"
    )
    return result


def _records(root: Path, report: Callable[[str], None], result: SyncResult) -> list[Record]:
    """The records with anything filed, in order of time; grids last, since they speak of runs."""
    found = []
    for key in keys(root):
        try:
            record = load(root, key)
        except UserError as error:
            report(str(error))
            result.damaged.append(key)
            continue
        if record.parts:
            found.append(record)
    return sorted(found, key=lambda record: (record.kind == "grid", record.started_ms, record.key))


def _close_abandoned(store: Store) -> list[str]:
    """Mark as killed the runs that are open in MLflow, were begun in this checkout, and have no process."""
    closed = []
    for run in _running(store):
        key = run.data.tags.get("ganpipe.key", "")
        if key and (records_folder(store.root) / key).is_dir():
            with run_lock(store.root, key) as abandoned:
                if abandoned:
                    store.client.set_terminated(run.info.run_id, "KILLED")
                    closed.append(key)
    return sorted(closed)


def _running(store: Store) -> Iterator[Any]:
    page = None
    while True:
        found = store.client.search_runs(
            [store.experiment_id], "attributes.status = 'RUNNING'", max_results=1000, page_token=page
        )
        yield from found
        page = found.token
        if not page:
            return


def unsynced(store: Store) -> list[str]:
    """Keys of the records on disk that MLflow lacks, in whole or in part: those that `sync` would show.

    Raises TrackingError, and UserError for a damaged record.
    """
    lacking = []
    for key in keys(store.root):
        parts = load(store.root, key).parts
        run = store.find(key) if parts else None
        shown = run.data.tags if run else {}
        if any(shown.get(f"ganpipe.part.{part.name}") != part.digest for part in parts.values()):
            lacking.append(key)
    return lacking
