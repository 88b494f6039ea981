"""Paths of the main checkout of the project and of its private folder."""

import os
from pathlib import Path


def root() -> Path:
    """Return the main checkout: the working directory, or the origin of the copy in which DVC runs an experiment."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def private_folder() -> Path:
    """Return the folder for files that neither Git nor DVC tracks: checkpoints, records, downloads."""
    return root() / ".ganpipe"
