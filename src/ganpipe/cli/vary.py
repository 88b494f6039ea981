"""Run experiments with every combination of some settings' values, as a DVC experiment."""

import argparse
import re

from ganpipe.common.errors import UserError
from ganpipe.common.variation import base_name, grid_of
from ganpipe.plan import layout

EXAMPLES = (
    "ganpipe vary e03-dcgan lr=0.0002,0.001,0.002 batch_size=64,128",
    "ganpipe vary e03-dcgan e01-lsgan generator.width=16,32 --seeds 0,1,2 --show",
)
_AXIS = re.compile(r"[a-z][a-z0-9_.]*=[a-z0-9_.-]+(,[a-z0-9_.-]+)*")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add experiments and axes, seeds, and whether to run them."""
    parser.add_argument(
        "terms",
        nargs="+",
        metavar="EXPERIMENT | SETTING=VALUE,...",
        help="keys of `experiments` in params.yaml, and settings of `train` with the values to try",
    )
    parser.add_argument("--seeds", metavar="SEED,...", help="training seeds (default: grid.seeds of params.yaml)")
    parser.add_argument("--with-base", action="store_true", help="also run the experiments as they are")
    parser.add_argument("--show", action="store_true", help="print the command instead of running it")


def run(arguments: argparse.Namespace) -> None:
    """Run or print the command of the grid."""
    from ganpipe.cli.preset import run_experiment
    from ganpipe.plan.presets import experiment_command
    from ganpipe.plan.resolve import read_params

    axes = {}
    for term in (term for term in arguments.terms if "=" in base_name(term)):
        if not _AXIS.fullmatch(term):
            raise UserError(f"{term}: not an axis. Write <setting>=<value>,<value>,... in lower case.")
        setting, values = term.split("=", 1)
        axes[setting] = values.split(",")
    experiments = [term for term in arguments.terms if "=" not in base_name(term)]
    if not experiments or not axes:
        raise UserError("vary: needs an experiment and an axis, such as e03-dcgan lr=0.001,0.002.")
    params = read_params(layout.PARAMS)
    entries = [(params.get("experiments") or {}).get(base_name(name)) or {} for name in experiments]
    default = (params.get("train") or {}).get("dataset")
    used = axes.get("dataset") or [entry.get("dataset", default) for entry in entries]
    settings: dict[str, object] = {
        "grid.datasets": list(dict.fromkeys(used)),
        "grid.experiments": [*(experiments if arguments.with_base else []), *grid_of(experiments, axes)],
    }
    if arguments.seeds:
        settings["grid.seeds"] = [_seed(text) for text in arguments.seeds.split(",")]
    run_experiment("vary", experiment_command(settings), show=arguments.show)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise UserError(f"--seeds {text}: not a seed. Write integers from 0, for example 0,1,2.")
    return int(text)
