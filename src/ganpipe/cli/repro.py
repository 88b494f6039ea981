"""Do what `dvc repro` does, with several stages at once; the result is the same."""

import argparse

EXAMPLES = (
    "python -m ganpipe repro -j 2",
    "python -m ganpipe repro -j 2 train@e01-lsgan-0 train@e03-dcgan-0",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many at once, and which."""
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="stages at once; default: as many as cores allow")
    parser.add_argument("targets", nargs="*", metavar="STAGE", help="stages to bring up to date; default: all")


def run(arguments: argparse.Namespace) -> None:
    """Bring the stages up to date."""
    from ganpipe.scheduling.repro import default_jobs, repro

    repro(default_jobs() if arguments.jobs is None else arguments.jobs, tuple(arguments.targets))
