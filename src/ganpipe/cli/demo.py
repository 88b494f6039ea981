"""Serve a local web page that samples, interpolates and compares the trained generators."""

import argparse

EXAMPLES = ("make demo", "ganpipe demo --port 7861")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the port."""
    parser.add_argument("--port", type=int, default=7860, help="local port of the page (default 7860)")


def run(arguments: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    from ganpipe.serve.demo import serve_demo

    serve_demo(arguments.port)
