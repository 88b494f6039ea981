"""What MLflow does not show yet."""

from ganpipe.records.store import keys, load
from ganpipe.tracking.store import Store


def behind(store: Store) -> list[str]:
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
