"""Paths of the main checkout of the project and of its private folder."""

import os
from pathlib import Path

from ganpipe.common.errors import UserError

_MARK = "params.yaml"


def root() -> Path:
    """Return the main checkout: the working directory or the nearest folder above it that holds params.yaml.

    In a copy of the workspace, in which DVC runs an experiment, it is the checkout that was copied. Raises UserError
    outside of a checkout.
    """
    if origin := os.environ.get("DVC_ROOT"):
        return Path(origin).resolve()
    here = Path.cwd().resolve()
    if folder := _checkout_above(here):
        return folder
    raise UserError(f"{here}: not in a checkout of the project, since there is no {_MARK}. Run this in a clone.")


def check_working_directory() -> None:
    """Raise UserError if the working directory is not a workspace, which may be a copy of the checkout."""
    if not Path(_MARK).exists():
        folder = _checkout_above(Path.cwd().resolve()) or "the folder that contains it"
        raise UserError(f"{_MARK}: no such file. Run this command in {folder}.")


def _checkout_above(here: Path) -> Path | None:
    return next((folder for folder in (here, *here.parents) if (folder / _MARK).exists()), None)


def private_folder() -> Path:
    """Return the folder for files that neither Git nor DVC tracks: checkpoints, records, downloads."""
    return root() / ".ganpipe"
