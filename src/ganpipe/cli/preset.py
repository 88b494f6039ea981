"""Run the pipeline under the settings of a preset, as a DVC experiment."""

import argparse
import shlex
import subprocess
import sys

from ganpipe.common.errors import UserError
from ganpipe.common.process import with_own_programs
from ganpipe.plan import layout

EXAMPLES = ("python -m ganpipe preset study", "python -m ganpipe preset study --show")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which preset, and whether to run it."""
    parser.add_argument("name", help="a file of presets/: study (every experiment, small) or full (the documents' own)")
    parser.add_argument("--show", action="store_true", help="print the command instead of running it")


def run(arguments: argparse.Namespace) -> None:
    """Run or show the preset's command."""
    from ganpipe.plan.presets import preset_command

    command = preset_command(layout.PRESETS, arguments.name)
    if arguments.show:
        print(shlex.join(command))
    elif subprocess.run([sys.executable, "-m", *command], env=with_own_programs(), check=False).returncode:
        raise UserError(f"the preset {arguments.name} did not end well: see above")
