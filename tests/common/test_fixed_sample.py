import numpy as np
import pytest
from numpy.typing import NDArray

from ganpipe.common.fixed_sample import spread_indices


@pytest.mark.parametrize(("count", "limit"), [(10, 5), (7, 3), (640, 64), (60_000, 64), (3, 3)])
def test_spread_indices_have_one_index_in_each_equal_part(count: int, limit: int) -> None:
    indices = spread_indices(count, limit)
    assert len(indices) == limit
    assert (indices >= np.arange(limit) * count // limit).all()
    assert (indices < np.arange(1, limit + 1) * count // limit).all()
    assert (indices == spread_indices(count, limit)).all()


@pytest.mark.parametrize(("count", "limit", "expected"), [(3, 5, [0, 1, 2]), (0, 5, []), (5, 0, [])])
def test_spread_indices_of_a_small_split_are_all_indices(count: int, limit: int, expected: list[int]) -> None:
    assert spread_indices(count, limit).tolist() == expected


@pytest.mark.parametrize(
    "labels",
    [np.repeat(np.arange(10), 100), np.tile(np.arange(10), 64), np.tile(np.arange(10), 6_000)],
    ids=["sorted", "alternating", "many, alternating"],
)
@pytest.mark.parametrize("limit", [64, 600])
def test_spread_indices_reach_every_class(labels: NDArray[np.int64], limit: int) -> None:
    """A limit that divides the period of alternating classes would reach one class if the distances were equal."""
    assert set(labels[spread_indices(len(labels), limit)]) == set(range(10))
