"""Print the ranking and the winner of the last `dvc repro`, with the measured times, and the path of the report."""

import argparse
from pathlib import Path

from ganpipe.common.errors import UserError
from ganpipe.plan import layout

EXAMPLES = ("ganpipe compare", "ganpipe compare --documents", "ganpipe compare --documents --page results.md")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of the table."""
    parser.add_argument(
        "--documents",
        action="store_true",
        help="print the claims of the source documents and whether the finished runs confirm them",
    )
    parser.add_argument(
        "--page",
        type=Path,
        metavar="FILE",
        help="with --documents: write them as a Markdown page, and pictures and results of the runs to the folder FILE "
        "without .md",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the chosen table."""
    from ganpipe.report.summary import summary

    if not arguments.documents:
        if arguments.page:
            raise UserError("--page: needs --documents. Add it.")
        print(summary(layout.OUT))
        return
    from ganpipe.plan.table import outdated_runs
    from ganpipe.report.documents import claims_table, document_results, summary_of_claims
    from ganpipe.report.results_page import write_results_page

    plans = {run: layout.run_plan(run) for run in layout.planned_runs()}
    results = document_results(layout.OUT, layout.CLAIMS, outdated_runs(plans, layout.LOCK), layout.PUBLISHED)
    if arguments.page:
        write_results_page(results, layout.INTERPRETATION, arguments.page)
    else:
        print(claims_table(results.checked))
    print(summary_of_claims(results))
