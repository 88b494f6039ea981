"""What a training records: every scalar of every step, and the means of every epoch."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from ganpipe.common.atomic import atomic_file


class History:
    """Scalars of all steps so far. They stay on the device until they are asked for, so that no step waits."""

    def __init__(self) -> None:
        self.columns: tuple[str, ...] = ()
        self._done = torch.empty(0, 0)
        self._waiting: list[Tensor] = []

    def __len__(self) -> int:
        return len(self._done) + len(self._waiting)

    def append(self, scalars: Mapping[str, Tensor]) -> None:
        """Take up one step's scalars; every step has the same names in the same order."""
        self.columns = self.columns or tuple(scalars)
        self._waiting.append(torch.stack([value.float() for value in scalars.values()]))

    def values(self, start: int = 0) -> Tensor:
        """Steps from `start` on, as float32 (steps, columns) on the CPU."""
        if self._waiting:
            fresh = torch.stack(self._waiting).cpu()
            self._done = torch.cat([self._done, fresh]) if len(self._done) else fresh
            self._waiting = []
        return self._done[start:]

    def means(self, start: int) -> dict[str, float]:
        """Mean of each scalar over the steps from `start` on."""
        return dict(zip(self.columns, self.values(start).double().mean(0).tolist(), strict=True))

    def state(self) -> dict[str, object]:
        """What a resume needs."""
        return {"columns": list(self.columns), "values": self.values()}

    def load(self, state: Mapping[str, object]) -> None:
        """Take up a state that `state` gave."""
        columns, values = state["columns"], state["values"]
        assert isinstance(columns, list) and isinstance(values, Tensor)
        self.columns, self._done, self._waiting = tuple(columns), values.cpu(), []

    def rows(self, batch_size: int, steps_per_epoch: int) -> list[dict[str, float | int]]:
        """One row a step: step, epoch (both from 1), training images seen, and the scalars."""
        return [
            {"step": step, "epoch": (step - 1) // steps_per_epoch + 1, "images": step * batch_size}
            | dict(zip(self.columns, values, strict=True))
            for step, values in enumerate(self.values().tolist(), start=1)
        ]


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, float | int | str]]) -> None:
    """Write rows with these keys as CSV; numbers to seven digits, which is what float32 holds."""
    with atomic_file(path) as part, part.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(f"{value:.7g}" if isinstance(value, float) else value for value in row.values())
