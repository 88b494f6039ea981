from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganpipe.common.errors import UserError
from ganpipe.data.splits import draw_splits, has_split_folders, split_of


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("TEST", "heldout"),
        ("val", "heldout"),
        ("validation", "heldout"),
        ("cat", ""),
        ("trainer", ""),
        ("", ""),
    ],
)
def test_splits_are_recognised_by_name(name: str, split: str) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["train/cat/1.png", "test/dog/1.png"], True),
        (["train/1.png", "val/1.png", "test/1.png"], True),
        (["train/cat/1.png", "train/dog/1.png"], True),
        (["train/1.png", "bus/1.png"], False),  # vehicles
        (["test/1.png", "val/1.png"], False),
        (["cat/train/1.png", "cat/test/1.png"], False),
        (["1.png", "2.png"], False),
        ([], False),
    ],
)
def test_folders_are_splits_if_all_images_are_in_such_folders(names: Sequence[str], expected: bool) -> None:
    assert has_split_folders(names) is expected


@pytest.mark.parametrize("other", ["cat/1.png", "example.png"])
def test_split_folders_together_with_other_images_are_rejected(other: str) -> None:
    with pytest.raises(UserError, match=r"splits: .*set splits: random"):
        has_split_folders(["train/1.png", "test/2.png", other])


@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=200),
    st.floats(0.001, 0.999),
    st.integers(0, 10),
)
def test_every_class_is_split_by_the_fraction(labels: list[int], fraction: float, seed: int) -> None:
    array = np.array(labels, dtype=np.int64)
    train, heldout = draw_splits(array, fraction, seed)
    assert sorted([*train.tolist(), *heldout.tolist()]) == list(range(len(labels)))
    assert train.tolist() == sorted(train.tolist())
    assert heldout.tolist() == sorted(heldout.tolist())
    for label in set(labels):
        count, held = labels.count(label), int((array[heldout] == label).sum())
        assert held == min(max(round(count * fraction), 1), count - 1)


def test_a_split_depends_only_on_the_seed() -> None:
    labels = np.zeros(100, dtype=np.int64)
    first, again, other = (draw_splits(labels, 0.2, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again != other
