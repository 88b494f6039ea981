"""Print the ranking and the winner of the last `dvc repro`, with measured seconds, and where the report is."""

import argparse

from ganpipe.plan import layout

EXAMPLES = ("python -m ganpipe compare", "python -m ganpipe compare --documents")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which table."""
    parser.add_argument(
        "--documents", action="store_true", help="print what the source documents concluded, and what was seen here"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the table that was asked for."""
    from ganpipe.report.summary import documents, summary

    print(documents(layout.OUT, layout.CLAIMS) if arguments.documents else summary(layout.OUT))
