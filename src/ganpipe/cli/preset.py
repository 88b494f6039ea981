"""Run the pipeline with the settings of a preset, as a DVC experiment."""

import argparse
import shlex
import subprocess
import sys

from ganpipe.common.errors import UserError
from ganpipe.common.git import GitError, git
from ganpipe.common.process import environment_with_venv_programs
from ganpipe.plan import layout

EXAMPLES = ("ganpipe preset study", "ganpipe preset study --show", "ganpipe preset documents --apply")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the preset, and whether to run it."""
    choices = "study (all experiments, small), documents (the documents' own trainings, for one machine), full (all of "
    choices += "them at full width, for a GPU), my-images-minutes, -hour or -night"
    parser.add_argument("name", help=f"a file in presets/: {choices}")
    parser.add_argument("--show", action="store_true", help="print the command instead of running it")
    parser.add_argument(
        "--apply",
        action="store_true",
        help="write the settings to params.yaml instead of running them; then `ganpipe repro` runs several stages at "
        "once, and `git restore params.yaml` undoes it",
    )


def run(arguments: argparse.Namespace) -> None:
    """Run, print or apply the preset."""
    from ganpipe.plan.presets import apply_preset, preset_command

    command = preset_command(layout.PRESETS, arguments.name)
    if arguments.apply:
        apply_preset(command, layout.PARAMS)
        print(f"{layout.PARAMS}: contains the preset {arguments.name} now. Run `ganpipe repro`.")
    else:
        run_experiment(f"preset {arguments.name}", command, show=arguments.show)


def run_experiment(name: str, command: list[str], show: bool) -> None:
    """Run a `dvc exp run` command, or print it. name: of the subcommand, for the error message."""
    if show:
        print(shlex.join(command))
        return
    try:
        git("status", "--porcelain")
    except GitError as error:
        raise UserError(f"{name}: `dvc exp run` needs Git, but {error}. To fix it: {error.fix}.") from error
    if subprocess.run([sys.executable, "-m", *command], env=environment_with_venv_programs(), check=False).returncode:
        raise UserError(f"{name}: `dvc exp run` failed. See its output above.")
