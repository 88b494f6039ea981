"""The one MLflow store of a checkout: opened, and created where it is missing."""

import logging
import math
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ganpipe.tracking import view
from ganpipe.tracking.timeouts import TimeLimitedClient, TrackingError, call_with_timeout

EXPERIMENT = "ganpipe"
_TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # listed as machine learning, not as an agent
    "mlflow.note.content": (
        "*Views*, *Compare runs* shows all runs by fd_judge, with their status; the chart view overlays their curves. "
        "Otherwise each run stands under the grid it was first part of: unfold a grid with its +. "
        "Filter by tags, such as `tags.ganpipe.dataset = 'mnist' and tags.ganpipe.status = 'ok'`."
    ),
    view.COMPARISON: view.comparison(),
}
_CREATION = 120.0  # seconds: the first process writes the schema, the others wait for it
_SQLITE = "sqlite:///"


@dataclass(frozen=True)
class Timeouts:
    """How long one call may take, how often and how long an HTTP request is tried, and all of a server's answers."""

    call: float  # seconds
    request: int  # seconds
    retries: int
    total: float = math.inf  # seconds, and a tenth of the time that passes


STAGE = Timeouts(call=9, request=3, retries=1, total=9)  # a training loses less than ten seconds to a dead server
SYNC = Timeouts(call=120, request=20, retries=2)


@dataclass(frozen=True)
class Store:
    """An open store. Each call of `client` (an MlflowClient) is bounded, and raises TrackingError if it fails."""

    root: Path
    uri: str
    client: Any
    experiment_id: str

    def find(self, key: str) -> Any | None:
        """The MLflow run of a record's key, or None."""
        found = self.client.search_runs(
            [self.experiment_id], f"tags.`ganpipe.key` = '{key}'", max_results=1, order_by=["start_time ASC"]
        )
        return found[0] if found else None


def location(root: Path) -> str:
    """URI of the store: MLFLOW_TRACKING_URI, or a SQLite file in the checkout, wherever the stage runs."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}{root.resolve() / 'mlflow.db'}"


def open_store(root: Path, patience: Timeouts) -> Store:
    """Open the store, or create it. Raises TrackingError when it does not answer in time."""
    root = root.resolve()
    uri = location(root)
    _settle(patience)
    if uri.startswith(_SQLITE):
        return _open_sqlite(root, uri, patience)
    return call_with_timeout(patience.call, _connect, root, uri, patience)


def _settle(patience: Timeouts) -> None:
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(patience.request))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(patience.retries))
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    import mlflow  # noqa: F401 - takes seconds: not on the account of the call that is timed

    for talkative in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(talkative).setLevel(logging.ERROR)  # trouble is told once, in our own words


def _open_sqlite(root: Path, uri: str, patience: Timeouts) -> Store:
    database = Path(uri.removeprefix(_SQLITE))
    if _is_ready(database, patience):
        return call_with_timeout(patience.call, _connect, root, uri, patience)
    lock = root / ".ganpipe" / "mlflow.lock"
    lock.parent.mkdir(exist_ok=True)
    try:
        with FileLock(lock, timeout=_CREATION):  # two first creations at once break each other
            call_with_timeout(patience.call, _write_ahead, database)
            return call_with_timeout(_CREATION, _connect, root, uri, patience)
    except Timeout as error:
        raise TrackingError(f"another process has been creating {database} for too long") from error


def _write_ahead(database: Path) -> None:
    """Have readers and the writer no longer shut each other out; the file keeps the setting."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=wal")


def _is_ready(database: Path, patience: Timeouts) -> bool:
    """Whether the schema and the experiment are there. Raises TrackingError when the database is locked."""
    if not database.exists():
        return False
    try:
        with closing(sqlite3.connect(database, timeout=patience.request)) as connection:
            query = "SELECT 1 FROM experiments WHERE name = ?"
            return connection.execute(query, (EXPERIMENT,)).fetchone() is not None
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return False
        raise TrackingError(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise TrackingError(str(error)) from error


def _connect(root: Path, uri: str, patience: Timeouts) -> Store:
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    if uri.startswith(_SQLITE):
        bounded: TimeLimitedClient = _Present(client, patience.call, uri)
    else:
        bounded = TimeLimitedClient(client, patience.call, patience.total)
    return Store(root, uri, bounded, _experiment(client, root, uri))


def _experiment(client: Any, root: Path, uri: str) -> str:
    from mlflow.exceptions import MlflowException

    # A server knows where its artifacts go; a database opened directly would bake in the current folder.
    artifacts = None if uri.startswith("http") else (root / "mlartifacts").as_uri()
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        try:
            return str(client.create_experiment(EXPERIMENT, artifact_location=artifacts, tags=_TAGS))
        except MlflowException:  # another machine was faster
            found = client.get_experiment_by_name(EXPERIMENT)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        raise TrackingError(
            f"the MLflow experiment {EXPERIMENT!r} was deleted: bring it back with "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
        )
    return str(found.experiment_id)


class _Present(TimeLimitedClient):
    """A client of a SQLite file that notices when the file was removed; SQLite would write into the void."""

    def __init__(self, client: object, seconds: float, uri: str) -> None:
        super().__init__(client, seconds)
        self._database = Path(uri.removeprefix(_SQLITE))
        self._inode = self._database.stat().st_ino

    def __getattr__(self, name: str) -> Any:
        if not self._database.exists() or self._database.stat().st_ino != self._inode:
            raise TrackingError(f"{self._database} was removed while it was in use")
        return super().__getattr__(name)
