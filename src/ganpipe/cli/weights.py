"""Get the Inception weights that `fid` needs: download them from their owner, or import a file."""

import argparse
import re
from pathlib import Path

from ganpipe.common.errors import UserError
from ganpipe.common.progress import progress_bar
from ganpipe.plan import layout

EXAMPLES = ("ganpipe weights inception", "ganpipe weights inception --from ~/weights-inception-2015-12-05-6726825d.pth")
_IMAGES = 10_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the network and the local file."""
    parser.add_argument("network", choices=["inception"], help="the network whose weights are needed")
    parser.add_argument("--from", dest="source", type=Path, metavar="FILE", help="import this file; no download")


def run(arguments: argparse.Namespace) -> None:
    """Put the verified file in place, enter it in params.yaml, and state how long an evaluation takes."""
    from ganpipe.metrics.extractors.inception import seconds_per_image
    from ganpipe.metrics.extractors.obtain_inception import obtain_weights, stored_weights
    from ganpipe.plan.resolve import parse_params, read_params

    params, _ = parse_params(read_params(layout.PARAMS))
    if params is None:
        raise UserError(f"{layout.PARAMS}: invalid. Run `ganpipe plan` for the problems.")
    settings = params.evaluate
    with progress_bar("weights"):
        new = obtain_weights(settings, arguments.source and arguments.source.expanduser())
        minutes = seconds_per_image(settings) * _IMAGES / 60
    print(f"{stored_weights()}: {'stored' if new else 'already there'}, SHA-256 verified")
    print(enter_weights(layout.PARAMS, settings.inception))
    if "fid" not in settings.metrics:
        print("evaluate.metrics does not contain fid. Add it to compute it.")
    threads = "thread" if settings.threads == 1 else "threads"
    print(
        f"{_IMAGES} images take about {minutes:.1f} minutes on this machine (measured, CPU, {settings.threads} "
        f"{threads}): once per dataset, and once per run."
    )


def enter_weights(params: Path, setting: str | None) -> str:
    """Set `evaluate.inception` to `download` in a file unless it is set already, and return what was done.

    setting: its present value. Everything else in the file stays as it is.
    """
    if setting is not None:
        return f"{params}: evaluate.inception is {setting}; not changed"
    text = params.read_text(encoding="utf-8")
    unset = re.compile(r"^  (# )?inception: null\b {0,2}", re.MULTILINE)
    changed, count = unset.subn("  inception: download", text)
    if count != 1:
        return f"{params}: not changed. Set `inception: download` in the section evaluate."
    params.write_text(changed, encoding="utf-8")
    return f"{params}: evaluate.inception set to download"
