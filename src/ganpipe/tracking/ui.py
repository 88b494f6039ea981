"""`ganpipe ui`: MLflow's own web page with the runs of this checkout."""

import json
import os
import socket
import sys
from urllib.parse import urlencode

from ganpipe.common.checkout import root
from ganpipe.common.errors import UserError
from ganpipe.common.port import LOCALHOST, check_port_free, print_server_address, server_address
from ganpipe.common.progress import progress_bar
from ganpipe.plan import layout
from ganpipe.tracking.migration import legacy_runs
from ganpipe.tracking.store import SQLITE, Store, location, open_store, supported_location
from ganpipe.tracking.timeouts import STAGE, SYNC, TrackingError, redact

_VIEW = "viewStateShareKey=compare&workflowType=machine_learning"
"""The saved view of all runs by `fd_judge`. Without the second parameter MLflow may show its GenAI page."""
_MOST_COMPARED = 20  # runs, so that the address and the page stay usable
_PRIVATE = ("localhost", LOCALHOST, "10.*", "192.168.*", "172.1[6-9].*", "172.2[0-9].*", "172.3[01].*")


def serve_ui(host: str, port: int) -> None:
    """Serve MLflow's page until Ctrl-C.

    Raises UserError if the port is in use, the host is not ours, or the store is damaged or of a kind that is not
    supported.
    """
    uri = supported_location(root())
    if uri.startswith("http"):
        server = redact(uri).rstrip("/")
        with progress_bar("ui"):
            page, comparison = _pages()
        if comparison:
            print(f"The runs of the grid side by side: {server}/#/{comparison}")
        print(f"The runs are on a tracking server: open {server}/#/{page}")
        return
    check_port_free(port, f"Choose another: make ui PORT={port + 1}", host)
    with progress_bar("ui"):  # importing MLflow takes seconds
        page, comparison = _pages()
    if comparison:
        print(f"The runs of the grid side by side: {server_address(host, port, f'/#/{comparison}')}")
    print_server_address(host, port, f"/#/{page}")
    # In the environment, because the URI may contain a password and all users can read the arguments of a process.
    environment = allowed_hosts(host, port) | os.environ | {"MLFLOW_BACKEND_STORE_URI": uri}
    command = [sys.executable, "-m", "mlflow", "ui", "--host", host, "--port", str(port), "--workers", "2"]
    os.execve(sys.executable, command, environment)  # noqa: S606 - replaces this process, so that Ctrl-C reaches it


def _pages() -> tuple[str, str]:
    """Return the paths of all runs and of the comparison of the grid's runs on MLflow's page.

    If a server does not answer, the first is the list of experiments; the second is empty without runs of the grid.
    Raises UserError if the store is a file that cannot be opened: MLflow's page could not read it either.
    """
    is_file = location(root()).startswith(SQLITE)
    try:
        store = open_store(root(), SYNC if is_file else STAGE)
        if legacy := sum(map(len, legacy_runs(store).values())):
            print(f"{legacy} runs were logged in an earlier layout: `ganpipe sync` brings them into the present one.")
        return f"experiments/{store.runs_id}/runs?{_VIEW}", _comparison(store)
    except TrackingError as error:
        if is_file:
            raise UserError(f"{location(root())}: cannot be opened ({error}). Run `ganpipe doctor`.") from error
        return "experiments", ""


def _comparison(store: Store) -> str:
    planned = [run for run in layout.planned_runs() if (layout.INPUTS / f"{run}.yaml").exists()]
    found = [store.find(layout.run_inputs(run)["key"], "run") for run in planned[:_MOST_COMPARED]]
    identifiers = [run.info.run_id for run in found if run]
    if len(identifiers) < 2:
        return ""
    query = {"runs": json.dumps(identifiers), "experiments": json.dumps([store.runs_id])}
    return f"compare-runs?{urlencode(query)}"


def allowed_hosts(host: str, port: int) -> dict[str, str]:
    """Return MLflow's settings that allow requests to this machine's names and to private networks.

    By default MLflow rejects all names but localhost, and from another machine shows a page without data.
    """
    if host == LOCALHOST:
        return {}
    names = dict.fromkeys((*_PRIVATE, host, socket.gethostname(), socket.getfqdn()))
    return {
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(f"{name}:{port}" for name in names),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(f"http://{name}:{port}" for name in names),
    }
