from collections import Counter

import numpy as np
import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.data.balanced import BalancedBatches
from ganpipe.data.dataset import Split

COUNTS = (7, 11, 9)


def split(counts: tuple[int, ...] = COUNTS) -> Split:
    """Images in random class order, all pixels of an image equal to its index."""
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    images = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1) + np.zeros((1, 1, 2, 2), dtype=np.uint8)
    return Split(images, labels)


def epoch(batches: BalancedBatches, number: int) -> tuple[list[int], list[int]]:
    seen, labels = [], []
    for images, batch_labels in batches.epoch(number):
        assert batch_labels is not None
        assert batch_labels.tolist() == sorted(batch_labels.tolist())
        assert set(Counter(batch_labels.tolist()).values()) == {3}
        seen += ((images[:, 0, 0, 0] + 1) * 127.5).round().int().tolist()
        labels += batch_labels.tolist()
    return seen, labels


def test_every_batch_contains_equally_many_images_of_each_class() -> None:
    data = split()
    batches = BalancedBatches(data, 10, 1, 3)
    assert (batches.batch_size, len(batches)) == (9, 2)
    seen, labels = epoch(batches, 0)
    assert len(set(seen)) == len(seen) == 18
    assert data.labels is not None
    assert data.labels[seen].tolist() == labels


def test_all_images_are_used_over_many_epochs() -> None:
    batches = BalancedBatches(split(), 9, 1, 3)
    seen = {number for index in range(30) for number in epoch(batches, index)[0]}
    assert seen == set(range(sum(COUNTS)))


def test_resumed_epoch_has_the_same_order() -> None:
    whole = list(BalancedBatches(split(), 6, 1, 3).epoch(2))
    rest = list(BalancedBatches(split(), 6, 1, 3).epoch(2, 1))
    assert len(rest) == len(whole) - 1
    assert all(torch.equal(a[0], b[0]) for a, b in zip(whole[1:], rest, strict=True))


def test_the_smallest_class_limits_the_batch_size() -> None:
    batches = BalancedBatches(split(), 60, 1, 3)
    assert (batches.batch_size, len(batches)) == (21, 1)


def test_a_class_without_images_is_named() -> None:
    with pytest.raises(UserError, match="class 1"):
        BalancedBatches(split((3, 0, 4)), 6, 0, 3)
