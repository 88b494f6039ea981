"""Display of records in MLflow. Both the stages' own logging and `sync` go through this module.

The tag `ganpipe.state` of a run holds the digest of every part that has been pushed completely: pushing again does
nothing, and an interrupted push is continued. A later stage with new results is logged at a later timestamp, so that
MLflow's latest value is the right one. A training with new results under the same key (on another machine) gets a new
run, because parameters and points cannot be removed; the old run goes to MLflow's trash.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from filelock import FileLock, Timeout

from ganpipe.records.store import Part, Record, records_folder
from ganpipe.sampling.description import WEIGHTS
from ganpipe.tracking import view
from ganpipe.tracking.artifacts import upload_part, upload_provenance
from ganpipe.tracking.curves import Point, TrainingCurves, class_curves, quality_points, read_rows
from ganpipe.tracking.metric_order import put_first
from ganpipe.tracking.models import generator_source, log_or_upload_generator
from ganpipe.tracking.store import Store
from ganpipe.tracking.timeouts import TrackingError

_FEW = 90  # MLflow accepts up to 100 parameters or tags in one call, and up to 1000 entries in all
_MANY = 900
_LOCK_WAIT = 5.0  # seconds that another process may take to push the same record
_STATE = "ganpipe.state"


def push(store: Store, record: Record) -> bool:
    """Make MLflow display the record; return whether anything had to change. Raises TrackingError."""
    first = next(iter(record.parts.values()))
    with push_lock(store, record.key):
        run = _find_or_create(store, record.key, first)
        if _is_superseded(run, record):
            store.client.delete_run(run.info.run_id)
            run = _find_or_create(store, record.key, first)
        new = [part for part in record.parts.values() if state(run).get(part.name) != part.digest]
        for part in new:
            _push_part(store, run, record, part)
        order_metrics(store, run, record)
        if new or run.info.status != "FINISHED":
            upload_provenance(store, run.info.run_id, record)
            describe(store, run, record)
            store.client.set_terminated(run.info.run_id, "FINISHED", view.end_ms(record))
            return True
    return False


def open_run(store: Store, key: str, part: Part) -> Any:
    """Return the MLflow run of a record; create it with the tags and parameters of its first part if it is missing."""
    with push_lock(store, key):
        return _find_or_create(store, key, part)


def state(run: Any) -> dict[str, Any]:
    """Return what has been pushed to a run: part name -> digest, and the latest verdict on it."""
    content: dict[str, Any] = json.loads(run.data.tags.get(_STATE, "{}"))
    return content


def set_state(store: Store, run: Any, **changes: Any) -> None:
    """Change entries of the state of a run."""
    run.data.tags[_STATE] = json.dumps(state(run) | changes, sort_keys=True)
    log(store, run.info.run_id, [], {_STATE: run.data.tags[_STATE]})


def log(store: Store, run_id: str, points: Iterable[Point], tags: Mapping[str, str], model: str | None = None) -> None:
    """Log metrics and tags in as few calls as MLflow allows. model: id of the logged model that the metrics are of."""
    from mlflow.entities import Metric, RunTag

    for few in _batches(points, _MANY):
        store.client.log_batch(run_id, metrics=[Metric(*point, model_id=model) for point in few])
    for pairs in _batches(tags.items(), _FEW):
        store.client.log_batch(run_id, tags=[RunTag(name, text) for name, text in pairs])


def log_params(store: Store, run_id: str, params: Mapping[str, str]) -> None:
    """Log parameters that the run does not have in as few calls as MLflow allows."""
    from mlflow.entities import Param

    for few in _batches(params.items(), _FEW):
        store.client.log_batch(run_id, params=[Param(name, text) for name, text in few])


def log_missing(store: Store, run: Any, points: Sequence[Point]) -> None:
    """Log the points that the run does not have: to insert a point twice would take MLflow five times as long."""
    logged: dict[str, set[int]] = {}
    for key in {point.key for point in points} & run.data.metrics.keys():
        logged[key] = {point.step for point in store.client.get_metric_history(run.info.run_id, key)}
    missing = [point for point in points if point.step not in logged.get(point.key, ())]
    log(store, run.info.run_id, missing, {})


def _find_or_create(store: Store, key: str, part: Part) -> Any:
    run = store.find(key, part.kind)
    if run is None:
        tags = {"ganpipe.key": key, "mlflow.note.content": "", **view.tags(part)}
        if grid := part.labels.get("grid"):
            tags["grids"] = grid[:8]
        run = store.client.create_run(
            store.experiment_id(part.kind), start_time=part.started_ms, tags=tags, run_name=part.labels["run"]
        )
    missing = {name: text for name, text in view.params(part).items() if name not in run.data.params}
    log_params(store, run.info.run_id, missing)
    return run


def _is_superseded(run: Any, record: Record) -> bool:
    """Return whether the run shows other results of the training (or data stage) than the record."""
    return record.kind != "grid" and any(
        state(run).get(part.name, part.digest) != part.digest
        for part in record.parts.values()
        if part.name not in ("sample", "evaluate")
    )


def _push_part(store: Store, run: Any, record: Record, part: Part) -> None:
    run_id, folder = run.info.run_id, record.folder / part.name
    if part.name == "train":
        curves = TrainingCurves(part)
        trained = curves.add(read_rows(folder / "history.csv"), read_rows(folder / "epochs.csv")) + curves.finish()
        trained += class_curves(read_rows(folder / "classes.csv"), part.started_ms)
        log_missing(store, run, trained)
    if part.name in ("train", "sample"):
        _push_generator(store, run, record)
    points = view.final_points(part)
    if part.name == "evaluate":
        points += quality_points(folder / "score.json", part.started_ms)
    log(store, run_id, points, view.tags(part), state(run).get("model"))
    _log_dataset(store, run_id, part)
    upload_part(store, run_id, record, part)
    set_state(store, run, **{part.name: part.digest})


def _push_generator(store: Store, run: Any, record: Record) -> None:
    """Log the generator unless the run has it: the samples may come from another one than the last of the training."""
    source, known = generator_source(record), state(run)
    weights = source.files[WEIGHTS] if source else ""
    logged = known.get("weights", record.parts["train"].files.get(WEIGHTS) if "train" in known else "")
    if weights == logged or "train" not in record.parts:
        return
    if model := log_or_upload_generator(store, run.info.run_id, record):
        set_state(store, run, model=model)
    set_state(store, run, weights=weights)


def _log_dataset(store: Store, run_id: str, part: Part) -> None:
    if "fingerprint" not in part.labels:
        return
    from mlflow.entities import Dataset, DatasetInput, InputTag

    name = part.labels["dataset"]
    dataset = Dataset(name, part.labels["fingerprint"][:36], "local", f'{{"uri": "out/prepared/{name}"}}')
    context = InputTag("mlflow.data.context", "training")
    store.client.log_inputs(run_id, [DatasetInput(dataset, [context])])


def describe(store: Store, run: Any, record: Record) -> None:
    """Update the description at the top of the run's page."""
    verdict = state(run).get("verdict", {"text": "No report has ranked this run yet."})["text"]
    log(store, run.info.run_id, [], {"mlflow.note.content": view.description(record, run.info.run_id, verdict)})


def order_metrics(store: Store, run: Any, record: Record) -> None:
    """Put the metrics of the evaluation in front of the curves, and the one that decided the latest verdict first."""
    if "evaluate" in record.parts:
        decisive = state(run).get("verdict", {}).get("metric")
        evaluated = [view.number_key(record.parts["evaluate"], name) for name in record.parts["evaluate"].numbers]
        put_first(store, run.info.run_id, list(dict.fromkeys([f"eval/{decisive}", *evaluated])))


@contextmanager
def push_lock(store: Store, key: str) -> Iterator[None]:
    """Let one process at a time create and fill the run of a key."""
    folder = records_folder(store.root) / key
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".push.lock", timeout=_LOCK_WAIT):
            yield
    except Timeout as error:
        raise TrackingError(f"another process has been writing the run {key} for more than {_LOCK_WAIT:g} s") from error


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
