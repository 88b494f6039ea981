"""The command line: `python -m ganpipe --help`."""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ganpipe import layout
from ganpipe.errors import UserError
from ganpipe.process import guarded, with_own_programs


@dataclass(frozen=True)
class Command:
    """One subcommand: what it does, an example, its arguments and the function that does it."""

    about: str
    example: str
    run: Callable[[argparse.Namespace], None]
    arguments: Callable[[argparse.ArgumentParser], object] = lambda _: None


def _plan(_: argparse.Namespace) -> None:
    from ganpipe.planning.plan import make_plan
    from ganpipe.planning.table import table

    plan = make_plan(layout.PARAMS, layout.PINS)
    print(table(plan, layout.LOCK))


def _repro(arguments: argparse.Namespace) -> None:
    from ganpipe.scheduling.repro import default_jobs, repro

    repro(default_jobs() if arguments.jobs is None else arguments.jobs, tuple(arguments.targets))


def _repro_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-j", "--jobs", type=int, metavar="N", help="stages at once; default: as many as cores allow")
    parser.add_argument("targets", nargs="*", metavar="STAGE", help="stages to bring up to date; default: all")


def _preset(arguments: argparse.Namespace) -> None:
    from ganpipe.planning.presets import preset_command

    command = preset_command(layout.PRESETS, arguments.name)
    if arguments.show:
        print(shlex.join(command))
    elif subprocess.run([sys.executable, "-m", *command], env=with_own_programs(), check=False).returncode:
        raise UserError(f"the preset {arguments.name} did not end well: see above")


def _preset_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="a file of presets/: study (every experiment, small) or full (the documents' own)")
    parser.add_argument("--show", action="store_true", help="print the command instead of running it")


def _ui(arguments: argparse.Namespace) -> None:
    from ganpipe.ui import serve_ui

    serve_ui(arguments.port)


def _ui_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=5000, help="port on this machine (default 5000)")


def _sync(_: argparse.Namespace) -> None:
    from ganpipe.records.outputs import file_missing
    from ganpipe.tracking.sync import sync

    file_missing()
    sync(layout.root())


def _pull(arguments: argparse.Namespace) -> None:
    from ganpipe.tracking.pull import pull

    pull(layout.root(), arguments.model, Path(arguments.folder))
    print(f"{arguments.folder}: now name it as `weights` of an experiment with `method: pretrained`")


def _pull_arguments(parser: argparse.ArgumentParser) -> None:
    champion = "models:/ganpipe-generator@champion"
    parser.add_argument("folder", metavar="FOLDER", help="a new folder for its weights and description")
    parser.add_argument(
        "--model",
        default=champion,
        help=f"models:/<name>@<alias> or models:/<name>/<version>; default: {champion}",
    )


def _compare(_: argparse.Namespace) -> None:
    from ganpipe.compare.summary import summary

    print(summary(layout.OUT))


COMMANDS = {
    "plan": Command(
        "Check params.yaml and list the runs it stands for, and which of them would train; runs nothing.",
        "python -m ganpipe plan",
        _plan,
    ),
    "repro": Command(
        "Do what `dvc repro` does, with several stages at once; the result is the same.",
        "python -m ganpipe repro -j 2",
        _repro,
        _repro_arguments,
    ),
    "preset": Command(
        "Run the pipeline under the settings of a preset, as a DVC experiment.",
        "python -m ganpipe preset study",
        _preset,
        _preset_arguments,
    ),
    "compare": Command(
        "Print the ranking and the winner of the last `dvc repro`, with measured seconds, and where the report is.",
        "python -m ganpipe compare",
        _compare,
    ),
    "sync": Command(
        "Fill MLflow with everything that the records on disk hold and it does not; again: changes nothing.",
        "MLFLOW_TRACKING_URI=http://server:5000 python -m ganpipe sync",
        _sync,
    ),
    "pull": Command(
        "Bring a generator from MLflow's model registry into a folder, for the experiment `pretrained`.",
        "python -m ganpipe pull pretrained",
        _pull,
        _pull_arguments,
    ),
    "ui": Command(
        "Serve MLflow's page on the runs of this checkout, on this machine only.",
        "python -m ganpipe ui --port 5001",
        _ui,
        _ui_arguments,
    ),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand and return its exit code: 0, 1 for a mistake of the user, 2 for unusable arguments."""
    parser = argparse.ArgumentParser(prog="python -m ganpipe", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name, help=command.about, description=command.about, epilog=f"example: {command.example}"
        )
        command.arguments(sub)
    chosen = parser.parse_args(arguments)
    return guarded(lambda: COMMANDS[chosen.command].run(chosen))


if __name__ == "__main__":
    sys.exit(main())
