"""Serve MLflow's page on the runs of this checkout, on this machine only."""

import argparse

EXAMPLES = ("python -m ganpipe ui", "python -m ganpipe ui --port 5001")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port."""
    parser.add_argument("--port", type=int, default=5000, help="port on this machine (default 5000)")


def run(arguments: argparse.Namespace) -> None:
    """Serve until Ctrl-C."""
    from ganpipe.tracking.ui import serve_ui

    serve_ui(arguments.port)
