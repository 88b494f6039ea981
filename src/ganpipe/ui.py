"""MLflow's own page on this checkout's runs."""

import socket
import subprocess
import sys

from ganpipe.errors import UserError
from ganpipe.layout import root
from ganpipe.tracking.store import location


def serve_ui(port: int) -> None:
    """Serve MLflow's page on this machine until Ctrl-C. Raises UserError when the port is taken."""
    uri = location(root())
    if uri.startswith("http"):
        print(f"the runs are on a server of their own: open {uri}")
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UserError(f"port {port} is taken: choose another, make ui PORT={port + 1}") from None
    print(f"http://127.0.0.1:{port}/#/experiments  (Ctrl-C ends it)", flush=True)
    arguments = ["--backend-store-uri", uri, "--host", "127.0.0.1", "--port", str(port)]
    subprocess.run([sys.executable, "-m", "mlflow", "ui", *arguments], check=False)
