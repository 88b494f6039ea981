"""The idx format of MNIST and similar datasets: two zero bytes, type, rank, big-endian sizes, then the values."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.errors import UserError

_UNSIGNED_BYTE = 8
_MAX_BYTES = 1 << 32


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an idx file of unsigned bytes, gzipped if its name ends in .gz, in the shape that its header states.

    Raises UserError if the file has another format, is truncated, or is longer than its header states.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            zeros, kind, rank = struct.unpack(">HBB", stream.read(4))
            if zeros or kind != _UNSIGNED_BYTE or rank == 0:
                raise UserError(f"{path.name}: not an idx file of unsigned bytes. Run the fetch stage again.")
            shape = struct.unpack(f">{rank}I", stream.read(4 * rank))
            count = math.prod(shape)
            if count > _MAX_BYTES:
                raise UserError(
                    f"{path.name}: its header states {count} bytes, more than the limit of {_MAX_BYTES}. "
                    "Run the fetch stage again."
                )
            values = np.frombuffer(stream.read(count + 1), dtype=np.uint8)
    except (struct.error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path.name}: truncated or damaged ({error}). Run the fetch stage again.") from None
    if len(values) != count:
        found = "more" if len(values) > count else f"only {len(values)}"
        raise UserError(f"{path.name}: should contain {count} bytes but contains {found}. Run the fetch stage again.")
    return values.reshape(shape)
