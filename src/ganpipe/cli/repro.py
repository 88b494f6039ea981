"""Do what `dvc repro` does, but run several stages at once. The results are the same."""

import argparse

from ganpipe.common import checkout

EXAMPLES = (
    "ganpipe repro -j 2",
    "ganpipe repro -j 2 train@e01-lsgan-0 train@e03-dcgan-0",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the number of concurrent stages, and the stages."""
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="stages at once; default: as many as cores allow")
    parser.add_argument("targets", nargs="*", metavar="STAGE", help="stages to bring up to date; default: all")


def run(arguments: argparse.Namespace) -> None:
    """Bring the stages up to date."""
    from ganpipe.scheduling.repro import default_jobs, repro
    from ganpipe.tracking.logging_connection import shared_logging_process

    with shared_logging_process(checkout.private_folder() / "logs" / "mlflow.log"):
        repro(default_jobs() if arguments.jobs is None else arguments.jobs, tuple(arguments.targets))
