"""MLflow's own page on this checkout's runs."""

import os
import sys

from ganpipe.layout import root
from ganpipe.port import HERE, check_free
from ganpipe.tracking.patience import public
from ganpipe.tracking.store import location


def serve_ui(port: int) -> None:
    """Serve MLflow's page on this machine until Ctrl-C. Raises UserError when the port is taken."""
    uri = location(root())
    if uri.startswith("http"):
        print(f"the runs are on a server of their own: open {public(uri)}")
        return
    check_free(port, f"choose another, make ui PORT={port + 1}")
    print(f"http://{HERE}:{port}/#/experiments  (Ctrl-C ends it)", flush=True)
    # The address may hold a password, which every user of the machine could read in the list of processes.
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": uri}
    command = [sys.executable, "-m", "mlflow", "ui", "--host", HERE, "--port", str(port)]
    os.execve(sys.executable, command, environment)  # noqa: S606 - in this process's place, so that Ctrl-C is its own
