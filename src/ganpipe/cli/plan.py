"""Check params.yaml and list its runs, and which of them would train. Runs nothing."""

import argparse

from ganpipe.plan import layout

EXAMPLES = ("ganpipe plan",)


def run(_: argparse.Namespace) -> None:
    """Print the table of runs."""
    from ganpipe.plan.build import make_plan
    from ganpipe.plan.table import plan_table

    print(plan_table(make_plan(layout.PARAMS, layout.PINS), layout.LOCK))
