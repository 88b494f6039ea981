"""The idx format of MNIST and its kin: two zero bytes, type, rank, big-endian sizes, then the values."""

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
    """Read an idx file of unsigned bytes, plain or gzipped (name ending in .gz), in its own shape.

    Raises UserError when it is no such file, truncated, or longer than its header says.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            zeros, kind, rank = struct.unpack(">HBB", stream.read(4))
            if zeros or kind != _UNSIGNED_BYTE or rank == 0:
                raise UserError(f"{path.name} is no idx file of unsigned bytes: fetch the data set again.")
            shape = struct.unpack(f">{rank}I", stream.read(4 * rank))
            count = math.prod(shape)
            if count > _MAX_BYTES:
                raise UserError(f"{path.name} says it holds {count} bytes, more than {_MAX_BYTES} are refused.")
            values = np.frombuffer(stream.read(count + 1), dtype=np.uint8)
    except (struct.error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path.name} is cut short or damaged ({error}): fetch the data set again.") from None
    if len(values) != count:
        found = "more" if len(values) > count else f"only {len(values)}"
        raise UserError(f"{path.name} should hold {count} bytes and holds {found}: fetch the data set again.")
    return values.reshape(shape)
