"""Bring a generator from MLflow's model registry into a folder, for the experiment `pretrained`."""

import argparse
from pathlib import Path

from ganpipe.common import checkout
from ganpipe.common.progress import working

EXAMPLES = ("python -m ganpipe pull pretrained", "python -m ganpipe pull other --model models:/ganpipe-generator/1")
_CHAMPION = "models:/ganpipe-generator@champion"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which model, and where to."""
    parser.add_argument("folder", metavar="FOLDER", help="a new folder for its weights and description")
    parser.add_argument(
        "--model",
        default=_CHAMPION,
        help=f"models:/<name>@<alias> or models:/<name>/<version>; default: {_CHAMPION}",
    )


def run(arguments: argparse.Namespace) -> None:
    """Copy it, and say how an experiment names it."""
    from ganpipe.tracking.pull import pull

    with working("pull"):
        pull(checkout.root(), arguments.model, Path(arguments.folder))
    print(f"{arguments.folder}: now name it as `weights` of an experiment with `method: pretrained`")
