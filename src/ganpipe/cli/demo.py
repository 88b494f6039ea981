"""Serve a page on this machine that draws, walks and compares: choose a run, a class, a number and a seed."""

import argparse

EXAMPLES = ("make demo", "python -m ganpipe demo --port 7861")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port."""
    parser.add_argument("--port", type=int, default=7860, help="port on this machine (default 7860)")


def run(arguments: argparse.Namespace) -> None:
    """Serve until Ctrl-C."""
    from ganpipe.serve.demo import serve_demo

    serve_demo(arguments.port)
