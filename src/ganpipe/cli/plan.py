"""Check params.yaml and list the runs it stands for, and which of them would train; runs nothing."""

import argparse

from ganpipe.plan import layout

EXAMPLES = ("python -m ganpipe plan",)


def run(_: argparse.Namespace) -> None:
    """Print the table."""
    from ganpipe.plan.build import make_plan
    from ganpipe.plan.table import table

    print(table(make_plan(layout.PARAMS, layout.PINS), layout.LOCK))
