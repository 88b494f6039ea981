"""Write all records on disk that MLflow lacks to MLflow. Running it again changes nothing."""

import argparse
import os

from ganpipe.common import checkout
from ganpipe.common.progress import progress_bar

EXAMPLES = ("ganpipe sync", "MLFLOW_TRACKING_URI=http://server:5000 ganpipe sync")


def run(_: argparse.Namespace) -> None:
    """Record outputs that have no record yet, then write all records to MLflow."""
    from ganpipe.records.outputs import record_missing
    from ganpipe.tracking.sync import sync

    os.chdir(checkout.root())  # where the outputs are
    with progress_bar("records"):
        record_missing()
    sync(checkout.root())
