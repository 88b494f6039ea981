"""The main checkout: where it is, and its private folder."""

import os
from pathlib import Path


def root() -> Path:
    """The main checkout: the workspace itself, or the one that DVC copied it from for a queued or temporary run."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).resolve()


def private() -> Path:
    """Folder of the main checkout for what is neither in Git nor in DVC: checkpoints, records, downloads."""
    return root() / ".ganpipe"
