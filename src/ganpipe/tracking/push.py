"""Shows a record in MLflow. The one way in: a stage's own logging and `sync` both come through here.

Each part is marked with the digest of its content once all of it is there, so pushing again does nothing, and a
push that broke off is taken up again. A later stage that gives other results is logged anew at a later time, so the
latest value is the right one. A training that gives other results under the same key (on another machine) gets a
fresh run, since parameters and points cannot be taken back; the old one goes to MLflow's trash.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from filelock import FileLock, Timeout

from ganpipe.records.store import Part, Record, records_folder
from ganpipe.tracking import view
from ganpipe.tracking.artifacts import upload
from ganpipe.tracking.store import Store
from ganpipe.tracking.timeouts import TrackingError

_FEW = 90  # MLflow takes up to 100 parameters or tags in one call, and up to 1000 entries in all
_MANY = 900
_WAIT = 5.0  # seconds that another process may take to show the same record


def push(store: Store, record: Record) -> bool:
    """Make MLflow show the record; return whether anything had to change. Raises TrackingError."""
    first = next(iter(record.parts.values()))
    with _alone(store, record.key):
        run = _open(store, record.key, first)
        if _is_superseded(run, record):
            store.client.delete_run(run.info.run_id)
            run = _open(store, record.key, first)
        fresh = [part for part in record.parts.values() if run.data.tags.get(_mark(part)) != part.digest]
        for part in fresh:
            _push_part(store, run, record, part)
        if fresh or run.info.status != "FINISHED":
            _conclude(store, run.info.run_id, record)
            return True
    return False


def open_run(store: Store, key: str, part: Part) -> Any:
    """The MLflow run of a record, created with labels and parameters of its first part where it is missing."""
    with _alone(store, key):
        return _open(store, key, part)


def push_curves(
    store: Store,
    run: Any,
    history: Iterable[Mapping[str, Any]],
    epochs: Iterable[Mapping[str, Any]],
    start: int,
) -> None:
    """Log the rows of both curves that lie beyond those that the run has, and mark how far it has them."""
    for rows, axis, prefix in ((history, "step", "train"), (epochs, "epoch", "epoch")):
        mark = f"ganpipe.logged_{axis}"
        fresh = [row for row in rows if int(row[axis]) > int(run.data.tags.get(mark, -1))]
        for batch in _batches(fresh, _MANY // max(map(len, fresh), default=1)):
            reached = str(int(batch[-1][axis]))
            log(store, run.info.run_id, view.curve(batch, axis, prefix, start), {mark: reached})
            run.data.tags[mark] = reached


def log(store: Store, run_id: str, points: Iterable[view.Point], tags: Mapping[str, str]) -> None:
    """Log metrics and tags in as few calls as MLflow allows."""
    from mlflow.entities import Metric, RunTag

    metrics = [Metric(*point) for point in points]
    for few in list(_batches(tags.items(), _FEW)) or [[]]:
        store.client.log_batch(run_id, metrics=metrics, tags=[RunTag(name, text) for name, text in few])
        metrics = []


def _open(store: Store, key: str, part: Part) -> Any:
    from mlflow.entities import Param

    run = store.find(key)
    if run is None:
        tags = {"ganpipe.key": key, "ganpipe.kind": part.kind, "mlflow.note.content": "", **view.tags(part)}
        if grid := part.labels.get("grid"):
            tags["mlflow.parentRunId"] = _grid(store, grid, part.started_ms).info.run_id
        run = store.client.create_run(
            store.experiment_id, start_time=part.started_ms, tags=tags, run_name=part.labels["run"]
        )
    missing = {name: text for name, text in view.params(part).items() if name not in run.data.params}
    for few in _batches(missing.items(), _FEW):
        store.client.log_batch(run.info.run_id, params=[Param(name, text) for name, text in few])
    return run


def _grid(store: Store, key: str, started_ms: int) -> Any:
    """The run that the runs of a grid hang from; the first of them creates it, its report fills it."""
    labels = {"run": f"grid-{key[:8]}"}
    return open_run(store, key, Part("report", "grid", started_ms, labels=labels))


def _is_superseded(run: Any, record: Record) -> bool:
    """Whether the run shows other results of the training (or data stage) than the record."""
    return record.kind != "grid" and any(
        run.data.tags.get(_mark(part), part.digest) != part.digest
        for part in record.parts.values()
        if part.name not in ("sample", "evaluate")
    )


def _push_part(store: Store, run: Any, record: Record, part: Part) -> None:
    run_id = run.info.run_id
    folder = record.folder / part.name
    if part.name == "train":  # a report has tables of the same names, of all runs
        history, epochs = view.read_rows(folder / "history.csv"), view.read_rows(folder / "epochs.csv")
        push_curves(store, run, history, epochs, part.started_ms)
        for points in _batches(view.class_curves(view.read_rows(folder / "classes.csv"), part.started_ms), _MANY):
            log(store, run_id, points, {})
    log(store, run_id, view.final_points(part), view.tags(part))
    _log_dataset(store, run_id, part)
    upload(store, run_id, record, part)
    log(store, run_id, [], {_mark(part): part.digest})


def _log_dataset(store: Store, run_id: str, part: Part) -> None:
    if "fingerprint" not in part.labels:
        return
    from mlflow.entities import Dataset, DatasetInput, InputTag

    name = part.labels["dataset"]
    dataset = Dataset(name, part.labels["fingerprint"][:36], "local", f'{{"uri": "out/prepared/{name}"}}')
    context = InputTag("mlflow.data.context", "training")
    store.client.log_inputs(run_id, [DatasetInput(dataset, [context])])


def _conclude(store: Store, run_id: str, record: Record) -> None:
    log(store, run_id, [], {"mlflow.note.content": view.description(record, run_id)})
    store.client.set_terminated(run_id, "FINISHED", view.end_ms(record))


def _mark(part: Part) -> str:
    return f"ganpipe.part.{part.name}"


@contextmanager
def _alone(store: Store, key: str) -> Iterator[None]:
    """One process at a time finds or creates, and fills, the run of a key."""
    folder = records_folder(store.root) / key
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".push.lock", timeout=_WAIT):
            yield
    except Timeout as error:
        raise TrackingError(f"another process has been showing the run {key} for {_WAIT:g} seconds") from error


def _batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
