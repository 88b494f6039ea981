"""What a training records: the scalars of every step and the means of every epoch."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganpipe.training.table import TABLES, Rows, Table

STEP_POSITION = ("step", "epoch", "images")
RECENT = 50
"""Number of last steps that stay in memory, for the divergence checks."""
_BLOCK = 4096


class History:
    """Scalars of every step. They stay on the device until they are needed, so that no step waits for them.

    images_per_step, steps_per_epoch: for the columns `images` and `epoch`.
    writes: False for all processes of a group but the first: they keep only the last steps.
    """

    def __init__(self, folder: Path, images_per_step: int = 0, steps_per_epoch: int = 0, writes: bool = True) -> None:
        self.images_per_step, self.steps_per_epoch = images_per_step, steps_per_epoch
        self.columns: tuple[str, ...] = ()
        self._writes = writes
        self._table = Table(folder / TABLES, "history", "<f4")
        self._length = 0
        self._pending: list[Tensor] = []
        self._recent = torch.empty(0, 0)

    def __len__(self) -> int:
        return self._length

    def append(self, scalars: Mapping[str, Tensor]) -> None:
        """Append one step; every step has the same names in the same order."""
        self.columns = self.columns or tuple(scalars)
        self._pending.append(torch.stack([value.float() for value in scalars.values()]))
        self._length += 1

    def recent(self) -> Tensor:
        """Return the last RECENT steps or all if there are fewer, as float32 (steps, columns) on the CPU."""
        self._flush()
        return self._recent

    def means(self, start: int) -> dict[str, float]:
        """Return the mean of each scalar over the steps from `start` (from 0) on."""
        self._flush()
        means = torch.from_numpy(self._table.read(start)).double().mean(0)
        return dict(zip(self.columns, means.tolist(), strict=True))

    def rows(self, start: int = 0, stop: int | None = None) -> Rows:
        """Return the rows of history.csv from `start` to before `stop`: step and epoch (from 1), images, scalars."""
        self._flush()
        values = self._table.read(start, stop)
        steps = np.arange(start + 1, start + 1 + len(values))
        epochs = (steps - 1) // max(self.steps_per_epoch, 1) + 1
        positions = np.stack([steps, epochs, steps * self.images_per_step], axis=1)
        return Rows(STEP_POSITION, self.columns, positions, values)

    def records(self) -> Iterator[list[float | int]]:
        """Yield the numbers of every row of history.csv, reading block by block."""
        for start in range(0, self._length, _BLOCK):
            yield from self.rows(start, start + _BLOCK).records()

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs; the rows are on disk when it returns."""
        self._flush()
        self._table.sync()
        return {"columns": list(self.columns), "steps": self._length}

    def load_state_dict(self, state: Mapping[str, Any] | None) -> None:
        """Continue from a state, or from no rows. Raises ValueError if rows are missing on disk."""
        columns, steps = (state["columns"], state["steps"]) if state else ((), 0)
        self._table.restore(columns, steps, truncate=self._writes)
        self.columns, self._length, self._pending = tuple(columns), steps, []
        self._recent = torch.from_numpy(self._table.read(max(0, steps - RECENT)))

    def _flush(self) -> None:
        if not self._pending:
            return
        rows = torch.stack(self._pending).cpu()
        self._pending = []
        self._recent = torch.cat([self._recent, rows])[-RECENT:] if len(self._recent) else rows[-RECENT:]
        if self._writes:
            self._table.columns = self.columns
            self._table.append(rows.numpy())


class EpochLog:
    """Means of every epoch's scalars, and metrics of the images that it ended with."""

    def __init__(self, folder: Path, writes: bool = True) -> None:
        self._table = Table(folder / TABLES, "epochs", "<f8")
        self._writes = writes

    def __len__(self) -> int:
        return len(self._table)

    def append(self, values: Mapping[str, float]) -> None:
        """Append the next epoch; every epoch has the same names in the same order."""
        self._table.columns = tuple(values)
        self._table.append(np.array([list(values.values())]))

    def last(self) -> Mapping[str, float]:
        """Return the row of the last epoch, empty before the first."""
        return self.rows(len(self) - 1)[0] if len(self) else {}

    def rows(self, start: int = 0) -> Rows:
        """Return the rows of epochs.csv from `start` on: epoch (from 1), means, metrics."""
        values = self._table.read(start)
        positions = np.arange(start + 1, start + 1 + len(values)).reshape(-1, 1)
        return Rows(("epoch",), self._table.columns, positions, values)

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs; the rows are on disk when it returns."""
        self._table.sync()
        return {"columns": list(self._table.columns), "epochs": len(self._table)}

    def load_state_dict(self, state: Mapping[str, Any] | None) -> None:
        """Continue from a state, or from no rows. Raises ValueError if rows are missing on disk."""
        columns, epochs = (state["columns"], state["epochs"]) if state else ((), 0)
        self._table.restore(columns, epochs, truncate=self._writes)
