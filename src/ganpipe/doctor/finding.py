"""The result of a check."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "STOP"]
"""`note`: worth knowing or fixing; `STOP`: `make repro` would fail."""


@dataclass(frozen=True)
class Finding:
    """One result of a check; the fix is empty if there is nothing to fix."""

    topic: str
    state: State
    message: str
    fix: str = ""
