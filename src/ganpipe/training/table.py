"""Tables of numbers: appended to files during a training, read in blocks, and written as CSV."""

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.atomic import atomic_file

TABLES = "tables"
"""Folder of the tables in the working folder of a training."""

Row = Mapping[str, float | int]
Numbers = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rows(Sequence[Row]):
    """Rows of a curve, kept as two compact arrays; a row becomes a mapping only when it is accessed.

    positions: integers (rows, position_names), such as step and epoch. scalars: floats (rows, scalar_names).
    """

    position_names: tuple[str, ...]
    scalar_names: tuple[str, ...]
    positions: NDArray[np.int64]
    scalars: Numbers

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, which: int) -> Row: ...
    @overload
    def __getitem__(self, which: slice) -> "Rows": ...
    def __getitem__(self, which: int | slice) -> "Row | Rows":
        if isinstance(which, slice):
            return Rows(self.position_names, self.scalar_names, self.positions[which], self.scalars[which])
        record = [*self.positions[which].tolist(), *self.scalars[which].tolist()]
        return dict(zip((*self.position_names, *self.scalar_names), record, strict=True))

    def __iter__(self) -> Iterator[Row]:
        columns = (*self.position_names, *self.scalar_names)
        return (dict(zip(columns, record, strict=True)) for record in self.records())

    def __add__(self, other: "Rows") -> "Rows":
        """Return the rows of both; tables without rows may lack columns."""
        if not len(self):
            return other
        if not len(other):
            return self
        positions = np.concatenate([self.positions, other.positions])
        scalars: Numbers = np.concatenate([self.scalars, other.scalars])
        return Rows(self.position_names, self.scalar_names, positions, scalars)

    def records(self) -> Iterator[list[float | int]]:
        """Yield the numbers of each row."""
        for positions, scalars in zip(self.positions, self.scalars, strict=True):
            yield [*positions.tolist(), *scalars.tolist()]

    def to_json(self) -> dict[str, Any]:
        """Return the rows as values that JSON can represent; floats keep their bits."""
        return {
            "position_names": self.position_names,
            "scalar_names": self.scalar_names,
            "positions": self.positions.tolist(),
            "scalars": self.scalars.tolist(),
            "dtype": self.scalars.dtype.str,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Rows":
        """Rebuild rows from the result of `to_json`."""
        position_names, scalar_names = tuple(content["position_names"]), tuple(content["scalar_names"])
        positions = np.array(content["positions"], dtype=np.int64)
        scalars = np.array(content["scalars"], dtype=content["dtype"])
        rows = len(positions)
        return cls(
            position_names,
            scalar_names,
            positions.reshape(rows, len(position_names)),
            scalars.reshape(rows, len(scalar_names)),
        )


NO_ROWS = Rows((), (), np.empty((0, 0), np.int64), np.empty((0, 0), np.float64))


class Table:
    """Rows of floats in append-only files: neither memory nor a checkpoint grows with their number.

    A checkpoint records only `len(table)`, and `restore` cuts the files back to it, so rows that a killed process wrote
    after its last checkpoint disappear. The rows are split into files of SEGMENT_ROWS rows, so that a file that is sent
    to another machine (`executors.files`) has a bounded size.
    """

    SEGMENT_ROWS = 1 << 16

    def __init__(self, folder: Path, name: str, dtype: Literal["<f4", "<f8"]) -> None:
        self.columns: tuple[str, ...] = ()
        self._folder, self._name, self._dtype = folder, name, np.dtype(dtype)
        self._length = 0
        self._unsynced: set[Path] = set()

    def __len__(self) -> int:
        return self._length

    def append(self, rows: NDArray[Any]) -> None:
        """Append rows (n, columns)."""
        self._folder.mkdir(parents=True, exist_ok=True)
        start = 0
        while start < len(rows):
            segment, offset = divmod(self._length, self.SEGMENT_ROWS)
            part = rows[start : start + self.SEGMENT_ROWS - offset]
            path = self._segment(segment)
            with path.open("ab") as file:
                file.write(np.ascontiguousarray(part, self._dtype).tobytes())
            self._unsynced.add(path)
            self._length += len(part)
            start += len(part)

    def sync(self) -> None:
        """Wait until the rows are on disk; call it before the checkpoint that records their number."""
        for path in self._unsynced:
            with path.open("rb") as file:
                os.fsync(file.fileno())
        self._unsynced.clear()

    def restore(self, columns: Sequence[str], length: int, truncate: bool = True) -> None:
        """Continue after the first `length` rows. truncate: delete all later rows; False leaves the files unchanged.

        Raises ValueError if there are fewer rows.
        """
        self.columns, self._length = tuple(columns), length
        segments, rest = divmod(length, self.SEGMENT_ROWS)
        sizes = [self.SEGMENT_ROWS] * segments + [rest] * bool(rest)
        for segment, rows in enumerate(sizes):
            path, size = self._segment(segment), rows * self._row_size
            if not path.exists() or path.stat().st_size < size:
                raise ValueError(f"{path.name} holds fewer rows than the checkpoint")
            if truncate and path.stat().st_size > size:
                os.truncate(path, size)
        if truncate:
            for path in self._folder.glob(f"{self._name}-{'[0-9]' * 5}.bin"):
                if int(path.stem.rpartition("-")[2]) >= len(sizes):
                    path.unlink()

    def read(self, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return the rows from `start` to before `stop` (default: all), as (rows, columns)."""
        stop = self._length if stop is None else min(stop, self._length)
        parts = [np.empty((0, len(self.columns)), self._dtype)]
        while start < stop:
            segment, offset = divmod(start, self.SEGMENT_ROWS)
            rows = min(stop - start, self.SEGMENT_ROWS - offset)
            count = rows * len(self.columns)
            values = np.fromfile(self._segment(segment), self._dtype, count, offset=offset * self._row_size)
            parts.append(values.reshape(rows, len(self.columns)))
            start += rows
        return np.concatenate(parts)

    def _segment(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number:05}.bin"

    @property
    def _row_size(self) -> int:
        return len(self.columns) * self._dtype.itemsize


def write_csv(path: Path, columns: Iterable[str], rows: Iterable[Iterable[float | int | str]]) -> None:
    """Write rows as CSV; floats with seven digits, the precision of float32."""
    with atomic_file(path) as part, part.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(f"{value:.7g}" if isinstance(value, float) else value for value in row)
