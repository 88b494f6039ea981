"""Pretrained generators as the planner sees them: the description and the digest of the weights."""

import json
from pathlib import Path

from ganpipe.common.checkout import root
from ganpipe.common.hashing import file_digest
from ganpipe.sampling.description import DESCRIPTION, WEIGHTS, Description


def describe_weights(weights: str) -> Description:
    """Read the description of the generator in a folder; relative folders start at the main checkout.

    Raises OSError, ValueError or TypeError if the folder has no valid description.
    """
    return Description(**json.loads((_folder(weights) / DESCRIPTION).read_text(encoding="utf-8")))


def weights_digest(weights: str | None) -> str | None:
    """Return the SHA-256 of the generator's weights file; None if no folder is given or the file is missing."""
    path = None if weights is None else _folder(weights) / WEIGHTS
    return file_digest(path) if path is not None and path.is_file() else None


def _folder(weights: str) -> Path:
    return root() / Path(weights).expanduser()
