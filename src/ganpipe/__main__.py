"""Train generative networks on a dataset, score them and name the best."""

import argparse
import os
import sys
from importlib import import_module

from ganpipe import __version__
from ganpipe.common.checkout import check_working_directory
from ganpipe.common.process import exit_code_of

COMMANDS = (
    "plan", "repro", "race", "search", "preset", "vary", "inspect", "compare", "sample", "demo", "doctor", "sync",
    "pull", "weights", "ui",
)  # fmt: skip
"""Names of the modules in `ganpipe.cli`, in the order of --help."""

_FROM_BELOW = ("inspect", "sync", "pull", "ui")
"""Commands that find the checkout from a folder below it. All others work with paths relative to it, as DVC does."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all subcommands; its result carries `run_command`, the function of the chosen one."""
    parser = argparse.ArgumentParser(prog="ganpipe", description=__doc__)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = import_module(f"ganpipe.cli.{name}")
        command = commands.add_parser(
            name,
            help=module.__doc__,
            description=module.__doc__,
            epilog="\n  ".join(("examples:", *module.EXAMPLES)),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if hasattr(module, "add_arguments"):
            module.add_arguments(command)
        command.set_defaults(run_command=module.run, from_below=name in _FROM_BELOW)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand and return its exit code: 0, 1 for a user error, 130 when interrupted.

    Invalid arguments exit the process with code 2.
    """
    parsed = build_parser().parse_args(arguments)
    try:
        code = exit_code_of(lambda: _run(parsed))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _run(parsed: argparse.Namespace) -> None:
    if not parsed.from_below:
        check_working_directory()
    parsed.run_command(parsed)


if __name__ == "__main__":
    sys.exit(main())
