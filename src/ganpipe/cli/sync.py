"""Fill MLflow with everything that the records on disk hold and it does not; again: changes nothing."""

import argparse

from ganpipe.common import checkout
from ganpipe.common.progress import working

EXAMPLES = ("python -m ganpipe sync", "MLFLOW_TRACKING_URI=http://server:5000 python -m ganpipe sync")


def run(_: argparse.Namespace) -> None:
    """File what has no record yet, then show all records."""
    from ganpipe.records.outputs import file_missing
    from ganpipe.tracking.sync import sync

    with working("records"):
        file_missing()
    sync(checkout.root())
