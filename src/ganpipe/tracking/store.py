"""The MLflow store of a checkout: found, created if missing, and opened with time limits."""

import logging
import os
import re
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ganpipe.common.errors import UserError
from ganpipe.common.port import bypass_proxies
from ganpipe.records.store import Kind
from ganpipe.tracking.experiments import LAYOUT, LAYOUT_TAG, PIPELINE, RUNS, ExperimentSpec
from ganpipe.tracking.timeouts import TimeLimitedClient, Timeouts, TrackingError, call_with_timeout, redact

LEGACY_TAG = "ganpipe.kind"
"""Tag of the runs of layout 1, in which data stages, reports and trainings shared one experiment."""

_CREATION = 120.0  # seconds: the first process writes the schema, the others wait for it
SQLITE = "sqlite:///"
"""Start of the URI of a database file."""

_ARTIFACTS = "mlartifacts"
_PATH_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Where MLflow's schema (the version is pinned) has paths of artifacts."""


@dataclass(frozen=True)
class Store:
    """An open store. Each call of `client` (an MlflowClient) is time-limited and raises TrackingError if it fails."""

    root: Path
    uri: str
    client: Any
    runs_id: str
    """Id of the experiment that holds the trainings."""
    pipeline_id: str
    """Id of the experiment that holds data stages and reports."""

    def experiment_id(self, kind: Kind) -> str:
        """Return the id of the experiment that holds records of this kind."""
        return self.runs_id if kind == "run" else self.pipeline_id

    def find(self, key: str, kind: Kind) -> Any | None:
        """Return the MLflow run of a record, or None."""
        found = self.client.search_runs(
            [self.experiment_id(kind)], f"tags.`ganpipe.key` = '{key}'", order_by=["start_time ASC"]
        )
        return next((run for run in found if LEGACY_TAG not in run.data.tags), None)

    def search(self, condition: str) -> Iterator[Any]:
        """Yield the runs of both experiments that fulfil a condition of MLflow's search syntax."""
        page = None
        while True:
            found = self.client.search_runs(
                [self.runs_id, self.pipeline_id], condition, max_results=1000, page_token=page
            )
            yield from found
            page = found.token
            if not page:
                return


def location(root: Path) -> str:
    """Return the URI of the store: MLFLOW_TRACKING_URI, or the SQLite file of the checkout.

    A relative SQLite file belongs to the checkout: DVC deletes the folder in which a temporary experiment runs.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"
    return f"{SQLITE}{root.resolve() / uri.removeprefix(SQLITE)}" if uri.startswith(SQLITE) else uri


def check_supported(uri: str) -> None:
    """Raise TrackingError if the URI, or that of the model registry, does not name a database or a server."""
    registry = os.environ.get("MLFLOW_REGISTRY_URI", "")
    for variable, value in (("MLFLOW_TRACKING_URI", uri), ("MLFLOW_REGISTRY_URI", registry)):
        if value and not re.match(r"(?!file:)[a-z][a-z0-9+]*://|databricks(-uc)?$", value):
            raise TrackingError(
                f"{variable}={redact(value)}: MLflow's file stores are not supported. Unset it to use the database of "
                "the checkout, or set it to sqlite:///<file> or http://<server>"
            )


def supported_location(root: Path) -> str:
    """Return the URI of the store. Raises UserError if it is of a kind that is not supported."""
    try:
        check_supported(location(root))
    except TrackingError as error:
        raise UserError(str(error)) from error
    return location(root)


def open_store(root: Path, timeouts: Timeouts) -> Store:
    """Open the store, and create it if it is missing. Raises TrackingError if it does not answer in time."""
    root = root.resolve()
    uri = location(root)
    check_supported(uri)
    _configure_mlflow(timeouts)
    if uri.startswith(SQLITE):
        return _open_sqlite(root, uri, timeouts)
    return call_with_timeout(timeouts.call, _connect, root, uri, timeouts)


def _configure_mlflow(timeouts: Timeouts) -> None:
    if urllib.request.getproxies_environment():
        bypass_proxies("localhost")  # a server on this machine or behind an SSH tunnel
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(timeouts.request))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(timeouts.retries))
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    import mlflow  # noqa: F401 - the import takes seconds, which must not count towards the time limit of a call

    for name in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.ERROR)  # failures are reported once, in our own words


def _open_sqlite(root: Path, uri: str, timeouts: Timeouts) -> Store:
    database = Path(uri.removeprefix(SQLITE))
    if _is_ready(database, timeouts) and not moved_from(root):
        return call_with_timeout(timeouts.call, _connect, root, uri, timeouts)
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        # Two concurrent first creations break each other. The lock lies beside the database, which checkouts may share.
        with FileLock(f"{database}.lock", timeout=_CREATION):
            if not database.exists():
                call_with_timeout(_CREATION, _create, root, database, timeouts)
            call_with_timeout(timeouts.call, _enable_wal, database)
            if old := moved_from(root):
                call_with_timeout(timeouts.call, _relocate, database, old, _artifacts(root))
            return call_with_timeout(_CREATION, _connect, root, uri, timeouts)
    except Timeout as error:
        raise TrackingError(f"another process has been creating {database} for more than {_CREATION:g} s") from error
    except OSError as error:
        raise TrackingError(f"{database} cannot be created: {error.strerror}") from error


def _create(root: Path, database: Path, timeouts: Timeouts) -> None:
    """Create a database with both experiments under another name, then rename it.

    MLflow cannot open a database whose creation was killed halfway, as when a first stage fails within seconds.
    """
    for left_over in database.parent.glob(f"{database.name}.*.new*"):
        left_over.unlink(missing_ok=True)
    new = database.with_name(f"{database.name}.{os.getpid()}.new")
    _connect(root, f"{SQLITE}{new}", timeouts)
    new.rename(database)


def moved_from(root: Path) -> str:
    """Return where the artifacts of the checkout's own database were before the checkout was moved or copied.

    MLflow stores absolute paths: the artifacts of new runs would be written to the old place. Empty if it was not, or
    if the database is outside of the checkout.
    """
    uri, database = location(root), Path(location(root).removeprefix(SQLITE))
    if not (uri.startswith(SQLITE) and database.is_relative_to(root.resolve()) and database.exists()):
        return ""
    with closing(sqlite3.connect(database)) as connection:
        try:
            query = "SELECT artifact_location FROM experiments WHERE name = ?"
            (old,) = connection.execute(query, (RUNS.name,)).fetchone() or ("",)
        except sqlite3.DatabaseError:
            return ""  # no schema yet, or damaged, which is reported when the store is opened
    return old if old.endswith(f"/{_ARTIFACTS}") and old != _artifacts(root) else ""


def _artifacts(root: Path) -> str:
    return (root.resolve() / _ARTIFACTS).as_uri()


def _relocate(database: Path, old: str, new: str) -> None:
    """Replace the old folder of artifacts in all paths of the database."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in _PATH_COLUMNS:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 - constants of this module
                f"WHERE substr({column}, 1, ?) = ? AND substr({column}, ?, 1) IN ('', '/')",
                (new, len(old) + 1, len(old), old, len(old) + 1),
            )


def _enable_wal(database: Path) -> None:
    """Let readers and a writer work at the same time; the setting is stored in the file."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=wal")


def _is_ready(database: Path, timeouts: Timeouts) -> bool:
    """Return whether the schema and both experiments exist. Raises TrackingError if the database is locked."""
    if not database.exists():
        return False
    try:
        with closing(sqlite3.connect(database, timeout=timeouts.request)) as connection:
            query = "SELECT count(*) FROM experiments WHERE name IN (?, ?)"
            return bool(connection.execute(query, (RUNS.name, PIPELINE.name)).fetchone()[0] == 2)
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return False
        raise TrackingError(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise TrackingError(str(error)) from error


def _connect(root: Path, uri: str, timeouts: Timeouts) -> Store:
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    if uri.startswith(SQLITE):
        limited: TimeLimitedClient = _SqliteClient(client, timeouts.call, uri)
    else:
        limited = TimeLimitedClient(client, timeouts.call, timeouts.total)
    # A server knows where its artifacts go; a database would store the current folder.
    artifacts = None if uri.startswith("http") else _artifacts(root)
    return Store(root, uri, limited, *(_experiment(client, spec, artifacts) for spec in (RUNS, PIPELINE)))


def _experiment(client: Any, spec: ExperimentSpec, artifacts: str | None) -> str:
    """Return the id of an experiment; create it if it is missing."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(spec.name)
    if found is None:
        try:
            return str(client.create_experiment(spec.name, artifact_location=artifacts, tags=spec.tags))
        except MlflowException:  # another machine was faster
            found = client.get_experiment_by_name(spec.name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        raise TrackingError(
            f"the MLflow experiment {spec.name!r} was deleted: restore it with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
        )
    if found.tags.get(LAYOUT_TAG) != LAYOUT:
        for name, text in spec.tags.items():
            client.set_experiment_tag(found.experiment_id, name, text)
    return str(found.experiment_id)


class _SqliteClient(TimeLimitedClient):
    """A client of a SQLite file that notices when the file is removed; SQLite itself would write to a deleted file."""

    def __init__(self, client: object, seconds: float, uri: str) -> None:
        super().__init__(client, seconds)
        self._database = Path(uri.removeprefix(SQLITE))
        self._inode = self._database.stat().st_ino

    def __getattr__(self, name: str) -> Any:
        if not self._database.exists() or self._database.stat().st_ino != self._inode:
            raise TrackingError(f"{self._database} was removed while it was in use")
        return super().__getattr__(name)
