"""What a check finds."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "STOP"]
"""`note`: worth knowing or mending; `STOP`: `make repro` would not get through."""


@dataclass(frozen=True)
class Finding:
    """One line of the examination; the cure is empty where there is nothing to mend."""

    topic: str
    state: State
    told: str
    cure: str = ""
