"""Generators that were made before, as the plan sees them: their description and the digest of their weights."""

import json
from pathlib import Path

from ganpipe.common.checkout import root
from ganpipe.common.hashing import file_digest
from ganpipe.sampling.description import DESCRIPTION, WEIGHTS, Description


def describe_weights(weights: str) -> Description:
    """What the generator in a folder says of itself; a relative folder starts at the main checkout.

    Raises OSError, ValueError or TypeError when the folder holds none.
    """
    return Description(**json.loads((_folder(weights) / DESCRIPTION).read_text(encoding="utf-8")))


def weights_digest(weights: str | None) -> str | None:
    """SHA-256 of the generator's weights; None without a folder, or when it holds none."""
    path = None if weights is None else _folder(weights) / WEIGHTS
    return file_digest(path) if path is not None and path.is_file() else None


def _folder(weights: str) -> Path:
    return root() / Path(weights).expanduser()
