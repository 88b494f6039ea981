"""Serve MLflow's web page with the runs of this checkout."""

import argparse

from ganpipe.common.port import LOCALHOST

EXAMPLES = ("ganpipe ui", "ganpipe ui --port 5001", "ganpipe ui --host 0.0.0.0")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add host and port."""
    parser.add_argument(
        "--host",
        default=LOCALHOST,
        help=f"address to listen on (default {LOCALHOST}: this machine only); with 0.0.0.0 every machine that can "
        "reach this one can read and change the runs, without a password",
    )
    parser.add_argument("--port", type=int, default=5000, help="port of the page (default 5000)")


def run(arguments: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    from ganpipe.tracking.ui import serve_ui

    serve_ui(arguments.host, arguments.port)
