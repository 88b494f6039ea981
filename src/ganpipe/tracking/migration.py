"""Migration of runs that were logged in layout 1 of the MLflow store.

There, data stages, reports and trainings shared the experiment `ganpipe`, trainings were children of a report's run,
and every step was a point. A run of layout 1 is deleted (it goes to MLflow's trash) only when a new run shows all of
it. What a person added to it by hand (tags, parameters, metrics, artifacts) moves to the new run. Runs without a
complete record in this checkout, for example a colleague's, stay, but in the flat list.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ganpipe.records.store import Record
from ganpipe.tracking.artifacts import is_recorded
from ganpipe.tracking.curves import Point
from ganpipe.tracking.model_registry import CHAMPION_STATE, move_champion
from ganpipe.tracking.push import log, log_missing, log_params, push, set_state
from ganpipe.tracking.store import LEGACY_TAG, Store

_PARENT = "mlflow.parentRunId"
_PART = "ganpipe.part."
_OURS = ("ganpipe.", "mlflow.", "sample.", "evaluate.")
"""Prefixes of the tags that layout 1 wrote; all others are the user's."""
_SECTIONS = ("train/", "epoch/", "class/", "cost/")
"""Prefixes of the metrics that layout 1 wrote, besides the numbers of the record under their own names."""


def legacy_runs(store: Store) -> dict[str, list[Any]]:
    """Return the runs of layout 1 by the key of their record."""
    found: dict[str, list[Any]] = {}
    for run in store.search(f"tags.`{LEGACY_TAG}` LIKE '%'"):
        found.setdefault(run.data.tags.get("ganpipe.key", ""), []).append(run)
    return found


def migrate(store: Store, record: Record, legacy: list[Any]) -> bool:
    """Replace the runs of layout 1 that show this record by one run of the present layout; return whether any was."""
    complete = [run for run in legacy if _parts(run).keys() <= record.parts.keys()]
    for old in complete:
        push(store, record)
        run = store.find(record.key, record.kind)
        if run is None:
            continue
        tags = old.data.tags
        _move_additions(store, record, old, run)
        if "ganpipe.judged" in tags:
            set_state(store, run, **{CHAMPION_STATE: tags["ganpipe.judged"]})
            log(store, run.info.run_id, [], {"champion": tags["ganpipe.champion"]})
        if "train" in record.parts and _parts(old).get("train") == record.parts["train"].digest:
            move_champion(store, old.info.run_id, record.key)
        store.client.delete_run(old.info.run_id)
    return bool(complete)


def flatten(store: Store, legacy: list[Any]) -> None:
    """List runs of layout 1 that stay without their parents; delete reports' runs that show nothing."""
    for run in legacy:
        if run.data.tags[LEGACY_TAG] == "grid" and not _parts(run):
            store.client.delete_run(run.info.run_id)
        elif _PARENT in run.data.tags:
            store.client.delete_tag(run.info.run_id, _PARENT)


def _move_additions(store: Store, record: Record, old: Any, run: Any) -> None:
    """Copy to the new run what a person added to the old one; a tag or parameter of ours keeps its name and value."""
    run_id = run.info.run_id
    tags, present = old.data.tags, run.data.tags
    added = {name: text for name, text in tags.items() if not name.startswith(_OURS) and present.get(name) != text}
    log(store, run_id, [], {f"user.{name}" if name in present else name: text for name, text in added.items()})
    ours = run.data.params.keys() | {"train.dataset"}
    log_params(store, run_id, {name: text for name, text in old.data.params.items() if name not in ours})
    numbers = {name for part in record.parts.values() for name in part.numbers}
    for name in old.data.metrics.keys() - numbers:
        if not name.startswith(_SECTIONS):
            history = store.client.get_metric_history(old.info.run_id, name)
            log_missing(store, run, [Point(name, point.value, point.timestamp, point.step) for point in history])
    for path in _artifacts(store, old.info.run_id):
        if not is_recorded(path, record):
            with tempfile.TemporaryDirectory() as folder:
                local = store.client.download_artifacts(old.info.run_id, path, folder)
                store.client.log_artifact(run_id, local, str(Path(path).parent) if "/" in path else None)


def _artifacts(store: Store, run_id: str, folder: str | None = None) -> Iterator[str]:
    for found in store.client.list_artifacts(run_id, folder):
        if found.is_dir:
            yield from _artifacts(store, run_id, found.path)
        else:
            yield found.path


def _parts(run: Any) -> dict[str, str]:
    """Return the digests of the parts that a run of layout 1 shows."""
    return {name.removeprefix(_PART): text for name, text in run.data.tags.items() if name.startswith(_PART)}
