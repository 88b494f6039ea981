"""Check the installation: packages, data sources and weights, Git, DVC, MLflow and the machine."""

import argparse

from ganpipe.common.errors import UserError

EXAMPLES = ("ganpipe doctor",)


def run(_: argparse.Namespace) -> None:
    """Print all findings. Raises UserError if one of them would stop `make repro`."""
    from ganpipe.doctor.run_checks import run_checks

    examination = run_checks()
    print(examination)
    if examination.stops:
        raise UserError("`make repro` would fail. Fix the findings marked STOP.")
