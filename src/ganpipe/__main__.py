"""The command line: `python -m ganpipe --help`."""

import argparse
import os
import sys
from importlib import import_module

from ganpipe.common.process import guarded

COMMANDS = ("plan", "repro", "preset", "compare", "sample", "demo", "doctor", "sync", "pull", "ui")
"""Names of the modules in `ganpipe.cli`, in the order of --help."""


def parser() -> argparse.ArgumentParser:
    """All subcommands with their arguments; a parsed one carries `run`, the function that does it."""
    whole = argparse.ArgumentParser(prog="python -m ganpipe", description=__doc__)
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        module = import_module(f"ganpipe.cli.{name}")
        sub = commands.add_parser(
            name,
            help=module.__doc__,
            description=module.__doc__,
            epilog="\n  ".join(("examples:", *module.EXAMPLES)),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        getattr(module, "add_arguments", lambda _: None)(sub)
        sub.set_defaults(run_command=module.run)
    return whole


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand and return its exit code: 0, 1 for a mistake of the user, 2 for unusable arguments."""
    chosen = parser().parse_args(arguments)
    try:
        code = guarded(lambda: chosen.run_command(chosen))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
