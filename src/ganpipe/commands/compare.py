"""Print the ranking and the winner of the last `dvc repro`, with measured seconds, and where the report is."""

import argparse

from ganpipe import layout

EXAMPLES = ("python -m ganpipe compare",)


def run(_: argparse.Namespace) -> None:
    """Print the summary."""
    from ganpipe.compare.summary import summary

    print(summary(layout.OUT))
