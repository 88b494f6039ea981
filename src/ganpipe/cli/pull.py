"""Download a generator from MLflow's model registry into a folder, for the experiment `pretrained`."""

import argparse
from pathlib import Path

from ganpipe.common import checkout
from ganpipe.common.progress import progress_bar

EXAMPLES = ("ganpipe pull pretrained", "ganpipe pull other --model models:/ganpipe-generator/1")
_CHAMPION = "models:/ganpipe-generator@champion"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the model and the target folder."""
    parser.add_argument("folder", metavar="FOLDER", help="a new folder for the weights and the description")
    parser.add_argument(
        "--model",
        default=_CHAMPION,
        help=f"models:/<name>@<alias> or models:/<name>/<version>; default: {_CHAMPION}",
    )


def run(arguments: argparse.Namespace) -> None:
    """Download the model, and print how an experiment uses it."""
    from ganpipe.tracking.pull import pull

    with progress_bar("pull"):
        pull(checkout.root(), arguments.model, Path(arguments.folder))
    print(f"{arguments.folder}: set it as `weights` of an experiment with `method: pretrained`.")
