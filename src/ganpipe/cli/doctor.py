"""Check what the pipeline stands on: packages, data sources and weights, Git, DVC and MLflow, the machine."""

import argparse

from ganpipe.common.errors import UserError

EXAMPLES = ("python -m ganpipe doctor",)


def run(_: argparse.Namespace) -> None:
    """Print what was found; exit code 1 if something would stop `make repro`."""
    from ganpipe.doctor.run_checks import examine

    examination = examine()
    print(examination)
    if examination.stops:
        raise UserError("`make repro` would not get through: mend what is marked with STOP")
