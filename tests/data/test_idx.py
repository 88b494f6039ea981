import contextlib
import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from ganpipe.common.errors import UserError
from ganpipe.data.idx import read_idx
from tests.data.conftest import MNIST


def encode(values: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)), st.booleans())
def test_arrays_survive_encoding_and_reading(
    tmp_path_factory: pytest.TempPathFactory, values: NDArray[np.uint8], packed: bool
) -> None:
    path = tmp_path_factory.mktemp("idx") / ("values.gz" if packed else "values")
    path.write_bytes(gzip.compress(encode(values)) if packed else encode(values))
    assert np.array_equal(read_idx(path), values)
    assert read_idx(path).shape == values.shape


@given(st.data(), st.booleans())
def test_every_truncation_is_rejected(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, packed: bool
) -> None:
    whole = encode(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    whole = gzip.compress(whole) if packed else whole
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    path = tmp_path_factory.mktemp("idx") / ("values.gz" if packed else "values")
    path.write_bytes(cut)
    with pytest.raises(UserError, match="values"):
        read_idx(path)


@given(st.binary(max_size=64))
def test_arbitrary_bytes_give_an_array_or_a_user_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    for name in ("values", "values.gz"):
        path = tmp_path_factory.mktemp("idx") / name
        path.write_bytes(content)
        with contextlib.suppress(UserError):
            assert read_idx(path).dtype == np.uint8


def test_trailing_bytes_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "values"
    path.write_bytes(encode(np.zeros((2, 2), dtype=np.uint8)) + b"x")
    with pytest.raises(UserError, match="contains more"):
        read_idx(path)


def test_an_absurd_size_is_rejected_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "values"
    path.write_bytes(struct.pack(">HBB3I", 0, 8, 3, 2**31, 2**31, 2**31))
    with pytest.raises(UserError, match="more than the limit"):
        read_idx(path)


def test_mnist_is_read() -> None:
    images = read_idx(MNIST / "train-images-idx3-ubyte.gz")
    labels = read_idx(MNIST / "train-labels-idx1-ubyte.gz")
    assert images.shape == (600, 28, 28)
    assert np.bincount(labels).tolist() == [60] * 10
    assert images[labels == 1].mean() < images[labels == 0].mean()  # a one has less ink than a zero


@given(st.integers(0, 200), st.integers(0, 255))
def test_altered_gzip_files_give_an_array_or_a_user_error(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    content = bytearray(gzip.compress(encode(np.arange(200, dtype=np.uint8).reshape(2, 10, 10))))
    content[position % len(content)] = value
    path = tmp_path_factory.mktemp("idx") / "values.gz"
    path.write_bytes(content)
    with contextlib.suppress(UserError):
        assert read_idx(path).dtype == np.uint8
