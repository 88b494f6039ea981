"""Serve a local web page that samples, interpolates and compares the trained generators."""

import argparse

from ganpipe.common.port import LOCALHOST

EXAMPLES = ("make demo", "ganpipe demo --port 7861", "ganpipe demo --host 0.0.0.0")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add host and port."""
    parser.add_argument(
        "--host",
        default=LOCALHOST,
        help=f"address to listen on (default {LOCALHOST}: this machine only); with 0.0.0.0 every machine that can "
        "reach this one can open the page, without a password",
    )
    parser.add_argument("--port", type=int, default=7860, help="port of the page (default 7860)")


def run(arguments: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    from ganpipe.serve.demo import serve_demo

    serve_demo(arguments.host, arguments.port)
