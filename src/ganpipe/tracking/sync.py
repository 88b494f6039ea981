"""Synchronisation of MLflow with the records on disk: shows missing records and closes the runs of dead processes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ganpipe.common.errors import UserError
from ganpipe.common.progress import progress_bar
from ganpipe.records.store import Record, keys, load, records_folder, run_lock
from ganpipe.tracking.linked_report import write_linked_report
from ganpipe.tracking.migration import flatten, legacy_runs, migrate
from ganpipe.tracking.model_registry import show
from ganpipe.tracking.push import state
from ganpipe.tracking.store import Store, open_store, supported_location
from ganpipe.tracking.timeouts import SYNC, TrackingError, redact


@dataclass
class SyncResult:
    """Keys of the records, by what happened to them.

    closed: their process had died. migrated: shown before in an earlier layout. damaged: unreadable, left out.
    """

    shown: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    migrated: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def sync(root: Path, report: Callable[[str], None] = tqdm.write) -> SyncResult:
    """Display every record of a checkout in MLflow; a second call changes nothing.

    A damaged record is reported and left out. Raises UserError if MLflow fails.
    """
    uri, result, reported = redact(supported_location(root)), SyncResult(), set[str]()

    def report_once(line: str) -> None:
        if line not in reported:
            reported.add(line)
            report(line)

    try:
        with progress_bar("sync", unit=" records") as bar:
            store = open_store(root, SYNC)
            records = _records(root, report, result)
            bar.total = len(records)
            legacy = legacy_runs(store)
            for record in records:
                changed = _show(store, record, legacy.get(record.key, []), report_once, result)
                (result.shown if changed else result.unchanged).append(record.key)
                bar.update()
            flatten(store, [run for key, runs in legacy.items() if key not in result.migrated for run in runs])
            result.closed = _close_abandoned(store)
            linked = write_linked_report(store, records[-1]) if records and records[-1].kind == "grid" else None
    except TrackingError as error:
        raise UserError(
            f"MLflow at {uri}: failed after {len(result.shown)} records ({error}). Check that it "
            "is running, or set MLFLOW_TRACKING_URI to another server, then run `ganpipe sync` again."
        ) from error
    report(
        f"{redact(store.uri)}: {len(result.shown)} records added or updated, {len(result.unchanged)} unchanged, "
        f"{len(result.closed)} runs of dead processes closed, {len(result.damaged)} damaged records left out"
    )
    if linked:
        report(f"The latest report with links to its runs: {linked}")
    return result


def _records(root: Path, report: Callable[[str], None], result: SyncResult) -> list[Record]:
    """Return the records that have parts, in chronological order, reports last because they refer to runs."""
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


def _show(store: Store, record: Record, legacy: list[Any], report: Callable[[str], None], result: SyncResult) -> bool:
    migrated = migrate(store, record, legacy)
    if migrated:
        result.migrated.append(record.key)
    return show(store, record, report) or migrated


def _close_abandoned(store: Store) -> list[str]:
    """Mark as killed the runs of this checkout that are open in MLflow but have no process."""
    closed = []
    for run in store.search("attributes.status = 'RUNNING'"):
        key = run.data.tags.get("ganpipe.key", "")
        if key and (records_folder(store.root) / key).is_dir():
            with run_lock(store.root, key) as abandoned:
                if abandoned:
                    store.client.set_terminated(run.info.run_id, "KILLED")
                    closed.append(key)
    return sorted(closed)


def unsynced(store: Store) -> list[str]:
    """Return the keys of the records on disk that `sync` would show, because MLflow lacks them wholly or partly.

    Raises TrackingError, and UserError for a damaged record.
    """
    missing = []
    for key in keys(store.root):
        record = load(store.root, key)
        run = store.find(key, record.kind) if record.parts else None
        shown = state(run) if run else {}
        if any(shown.get(part.name) != part.digest for part in record.parts.values()):
            missing.append(key)
    return missing
