"""Digests: of plain values by their meaning, of files by their bytes."""

import hashlib
import json
from pathlib import Path
from typing import Any

_SHORT = 16  # hex digits: 64 bits, enough to tell the runs of a lifetime apart, short enough to read


def digest(value: Any) -> str:
    """SHA-256 of a value made of dicts, lists, strings, numbers, booleans and None; key order does not count.

    Raises TypeError or ValueError for anything else, NaN included.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_SHORT]


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Full hexadecimal digest of a file's bytes, read in blocks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, algorithm).hexdigest()
