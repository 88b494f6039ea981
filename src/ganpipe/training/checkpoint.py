"""Checkpoints: all that a resume needs to end with the same bits, written whole or not at all."""

import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganpipe.common.atomic import atomic_file
from ganpipe.common.errors import UserError

_OF_ANOTHER_FORM = (ValueError, TypeError, LookupError, AttributeError)


@dataclass(frozen=True)
class Position:
    """Where a training stands: `index` batches of `epoch` are done."""

    epoch: int = 0
    index: int = 0


class Checkpoint:
    """The file `checkpoint.pt` in a run's working folder, renewed at most every `every` seconds."""

    def __init__(self, folder: Path, every: float) -> None:
        self.path = folder / "checkpoint.pt"
        self.every = every
        self._last = time.monotonic()

    def due(self) -> bool:
        """True when the last one is old enough."""
        return time.monotonic() - self._last >= self.every

    def save(self, place: Position, state: dict[str, Any]) -> None:
        """Write place, state and torch's random states."""
        content = {
            "epoch": place.epoch,
            "index": place.index,
            "state": state,
            "cpu_random_state": torch.get_rng_state(),
            "cuda_random_states": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        with atomic_file(self.path) as part:
            torch.save(content, part)
        self._last = time.monotonic()

    def restore(self, device: torch.device) -> tuple[Position, dict[str, Any]] | None:
        """The last place and state, with the random states set as they were; None when there is no checkpoint.

        Raises UserError when the file cannot be read, or holds something else; no code in it is run.
        """
        if not self.path.exists():
            return None
        try:
            content = torch.load(self.path, map_location=device, weights_only=True)
            torch.set_rng_state(content["cpu_random_state"].cpu())
            if content["cuda_random_states"]:
                torch.cuda.set_rng_state_all([state.cpu() for state in content["cuda_random_states"]])
            return Position(content["epoch"], content["index"]), content["state"]
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, *_OF_ANOTHER_FORM) as error:
            reason = str(error).partition("\n")[0]
            raise UserError(f"{self.path} is damaged ({reason}): remove it to train this run from the start") from error
