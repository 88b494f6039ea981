"""Checkpoints: everything that a bit-exact resume needs, written atomically."""

import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganpipe.common.atomic import atomic_file
from ganpipe.common.errors import UserError
from ganpipe.training.workdir import CHECKPOINT

_MALFORMED = (ValueError, TypeError, LookupError, AttributeError)


@dataclass(frozen=True)
class Position:
    """Progress of a training: `batch` batches of epoch `epoch` (from 0) are done."""

    epoch: int = 0
    batch: int = 0


class Checkpoint:
    """The file `checkpoint.pt` in a run's working folder, rewritten at most every `every` seconds within an epoch."""

    def __init__(self, folder: Path, every: float, device: torch.device) -> None:
        self.path = folder / CHECKPOINT
        self.device = device
        self._every = every
        self._last = time.monotonic()

    def due(self) -> bool:
        """Return whether the last checkpoint is old enough for the next one."""
        return time.monotonic() - self._last >= self._every

    def save(self, position: Position, state: dict[str, Any]) -> None:
        """Write position, state and the random states of torch."""
        content = {
            "epoch": position.epoch,
            "batch": position.batch,
            "state": state,
            "cpu_random_state": torch.get_rng_state(),
            # Of the device that trains, not of all devices: a resume may see fewer.
            "device_random_state": _random_state(self.device),
        }
        with atomic_file(self.path) as part:
            torch.save(content, part)
        self._last = time.monotonic()

    def restore(self) -> tuple[Position, dict[str, Any]] | None:
        """Return the last position and state and set the random states; None if there is no checkpoint.

        Raises UserError if the file is damaged or is not a checkpoint; it is loaded without executing code.
        """
        if not self.path.exists():
            return None
        try:
            content = torch.load(self.path, map_location=self.device, weights_only=True)
            position, state = Position(content["epoch"], content["batch"]), content["state"]
            torch.set_rng_state(content["cpu_random_state"].cpu())
            _set_random_state(self.device, content["device_random_state"])
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, *_MALFORMED) as error:
            raise self.damaged(error) from error
        return position, state

    def damaged(self, error: Exception) -> UserError:
        """Return the error to raise for a checkpoint that cannot be used."""
        reason = str(error).partition("\n")[0]
        return UserError(
            f"{self.path}: the checkpoint is damaged ({reason}). Delete the file to train this run from the start."
        )


def _random_state(device: torch.device) -> torch.Tensor | None:
    """Return the state of the random generator of a GPU; None for the CPU, whose state is saved in any case."""
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.mps.get_rng_state() if device.type == "mps" else None


def _set_random_state(device: torch.device, state: torch.Tensor | None) -> None:
    """Set the state of the random generator of a GPU, if a checkpoint of such a device holds one."""
    if state is not None and device.type == "cuda":
        torch.cuda.set_rng_state(state.cpu(), device)
    elif state is not None and device.type == "mps":
        torch.mps.set_rng_state(state.cpu())
