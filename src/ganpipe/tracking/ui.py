"""MLflow's own page on this checkout's runs."""

import os
import sys

from ganpipe.common.checkout import root
from ganpipe.common.port import LOCALHOST, check_port_free
from ganpipe.common.progress import progress_bar
from ganpipe.tracking.store import location, open_store
from ganpipe.tracking.timeouts import STAGE, TrackingError, redact

_VIEW = "viewStateShareKey=compare&workflowType=machine_learning"
"""The saved view of all runs, by `fd_judge`. Without the latter MLflow shows what it has for language models."""


def serve_ui(port: int) -> None:
    """Serve MLflow's page on this machine until Ctrl-C. Raises UserError when the port is taken."""
    uri = location(root())
    if uri.startswith("http"):
        print(f"the runs are on a server of their own: open {redact(uri)}")
        return
    check_port_free(port, f"Choose another: make ui PORT={port + 1}")
    with progress_bar("ui"):  # MLflow takes seconds to load
        page = _runs_page()
    print(f"http://{LOCALHOST}:{port}/#/{page}  (Ctrl-C ends it)", flush=True)
    # The address may hold a password, which every user of the machine could read in the list of processes.
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": uri}
    command = [sys.executable, "-m", "mlflow", "ui", "--host", LOCALHOST, "--port", str(port)]
    os.execve(sys.executable, command, environment)  # noqa: S606 - in this process's place, so that Ctrl-C is its own


def _runs_page() -> str:
    """Where on MLflow's page the runs are; its list of experiments when the store cannot be opened."""
    try:
        return f"experiments/{open_store(root(), STAGE).runs_id}/runs?{_VIEW}"
    except TrackingError:
        return "experiments"
