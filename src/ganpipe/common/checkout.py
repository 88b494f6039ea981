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
    for folder in (here, *here.parents):
        if (folder / _MARK).exists():
            return folder
    raise UserError(f"{here}: not in a checkout of the project, since there is no {_MARK}. Run this in a clone.")


def private_folder() -> Path:
    """Return the folder for files that neither Git nor DVC tracks: checkpoints, records, downloads."""
    return root() / ".ganpipe"
