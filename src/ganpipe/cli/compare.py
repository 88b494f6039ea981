"""Print the ranking and the winner of the last `dvc repro`, with the measured times, and the path of the report."""

import argparse

from ganpipe.plan import layout

EXAMPLES = ("ganpipe compare", "ganpipe compare --documents")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of the table."""
    parser.add_argument(
        "--documents",
        action="store_true",
        help="print the claims of the source documents and whether this grid confirms them",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the chosen table."""
    from ganpipe.report.summary import documents, summary

    print(documents(layout.OUT, layout.CLAIMS) if arguments.documents else summary(layout.OUT))
