"""Run the pipeline with the settings of a preset, as a DVC experiment."""

import argparse
import shlex
import subprocess
import sys

from ganpipe.common.errors import UserError
from ganpipe.common.process import environment_with_venv_programs
from ganpipe.plan import layout

EXAMPLES = ("ganpipe preset study", "ganpipe preset study --show")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the preset, and whether to run it."""
    choices = "study (all experiments, small), full (as in the documents), my-images-minutes, -hour or -night"
    parser.add_argument("name", help=f"a file in presets/: {choices}")
    parser.add_argument("--show", action="store_true", help="print the command instead of running it")


def run(arguments: argparse.Namespace) -> None:
    """Run or print the command of the preset."""
    from ganpipe.plan.presets import preset_command

    run_experiment(f"preset {arguments.name}", preset_command(layout.PRESETS, arguments.name), show=arguments.show)


def run_experiment(name: str, command: list[str], show: bool) -> None:
    """Run a `dvc exp run` command, or print it. name: of the subcommand, for the error message."""
    if show:
        print(shlex.join(command))
    elif subprocess.run([sys.executable, "-m", *command], env=environment_with_venv_programs(), check=False).returncode:
        raise UserError(f"{name}: `dvc exp run` failed. See its output above.")
