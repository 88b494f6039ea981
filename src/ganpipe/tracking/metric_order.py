"""The order in which MLflow lists the metrics of a run.

MLflow shows them in the order of the rows in its database, and its comparison of runs opens on the first metric that
they share. Without intervention that is a system metric, logged while the training ran; so the rows of the deciding
metrics are moved in front. MLflow has no call for this, so it is done in SQLite files only.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from ganpipe.tracking.store import SQLITE, Store
from ganpipe.tracking.timeouts import STAGE, call_with_timeout


def put_first(store: Store, run_id: str, metrics: Sequence[str]) -> None:
    """Put those of the metrics that a run has in front of all others, in this order, if the store is a SQLite file.

    Raises TrackingError if the database is locked for too long.
    """
    if store.uri.startswith(SQLITE):
        call_with_timeout(STAGE.call, _put_first, store.uri.removeprefix(SQLITE), run_id, metrics)


def _put_first(database: str, run_id: str, metrics: Sequence[str]) -> None:
    with closing(sqlite3.connect(database, timeout=STAGE.call, isolation_level=None)) as connection:
        query = "SELECT key FROM latest_metrics WHERE run_uuid = ? ORDER BY rowid"
        present = [key for (key,) in connection.execute(query, (run_id,))]
        moved = [key for key in metrics if key in present]
        if present[: len(moved)] == moved:
            return
        connection.execute("BEGIN IMMEDIATE")
        (lowest,) = connection.execute("SELECT min(rowid) FROM latest_metrics").fetchone()
        connection.executemany(
            "UPDATE latest_metrics SET rowid = ? WHERE run_uuid = ? AND key = ?",
            [(lowest - len(moved) + position, run_id, key) for position, key in enumerate(moved)],
        )
        connection.execute("COMMIT")
