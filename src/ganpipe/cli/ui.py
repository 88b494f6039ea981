"""Serve MLflow's web page with the runs of this checkout, on localhost only."""

import argparse

EXAMPLES = ("ganpipe ui", "ganpipe ui --port 5001")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the port."""
    parser.add_argument("--port", type=int, default=5000, help="local port of the page (default 5000)")


def run(arguments: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    from ganpipe.tracking.ui import serve_ui

    serve_ui(arguments.port)
