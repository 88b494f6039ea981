"""Digests of plain values and of files."""

import hashlib
import json
from pathlib import Path
from typing import Any

_SHORT = 16  # hexadecimal digits: 64 bits are enough to avoid collisions, and short enough to read


def digest(value: Any) -> str:
    """Return the shortened SHA-256 of a value in canonical JSON: the order of keys does not matter.

    Raises TypeError or ValueError for values that JSON cannot represent, NaN included.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_SHORT]


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the full hexadecimal digest of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, algorithm).hexdigest()
