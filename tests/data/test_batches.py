import numpy as np
import pytest
import torch
from torch import Tensor

from ganpipe.common.errors import UserError
from ganpipe.data.batches import Batches, Flip
from ganpipe.data.dataset import Split


def split(count: int, labelled: bool = True, size: int = 2) -> Split:
    """Images whose pixels all equal their index, and labels equal to it."""
    images = np.zeros((count, 1, size, size), dtype=np.uint8)
    images += np.arange(count, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return Split(images, np.arange(count) if labelled else None)


def numbers(batches: Batches, epoch: int, start: int = 0) -> list[list[int]]:
    found = []
    for images, labels in batches.epoch(epoch, start):
        assert labels is not None
        assert torch.equal(((images[:, 0, 0, 0] + 1) * 127.5).round().long(), labels)
        found.append(labels.tolist())
    return found


def flattened(batches: Batches, epoch: int) -> list[int]:
    return [number for batch in numbers(batches, epoch) for number in batch]


def test_an_epoch_is_shuffled_and_drops_the_incomplete_batch() -> None:
    batches = Batches(split(23), 5, seed=0)
    flat = flattened(batches, 0)
    assert len(batches) == 4
    assert len(set(flat)) == 20
    assert flat != sorted(flat)


def test_the_order_depends_only_on_seed_and_epoch() -> None:
    first, second = Batches(split(40), 8, seed=3), Batches(split(40), 8, seed=3)
    assert numbers(first, 7) == numbers(second, 7)
    orders = {str(numbers(Batches(split(40), 8, seed=seed), epoch)) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


@pytest.mark.parametrize("start", [0, 1, 3, 5])
def test_resumed_epoch_has_the_same_order(start: int) -> None:
    data = split(40, size=4)
    data.images[:, :, :2] //= 2  # so that flips are visible
    whole = list(Batches(data, 8, seed=1, flips=("horizontal", "vertical")).epoch(2))
    rest = list(Batches(data, 8, seed=1, flips=("horizontal", "vertical")).epoch(2, start))
    assert len(rest) == 5 - start
    for (images, labels), (again, labels_again) in zip(whole[start:], rest, strict=True):
        assert torch.equal(images, again)
        assert labels is not None
        assert labels_again is not None
        assert torch.equal(labels, labels_again)


def test_value_ranges() -> None:
    images = np.array([0, 255, 51], dtype=np.uint8).reshape(3, 1, 1, 1)

    def values(value_range: str) -> list[float]:
        batches = Batches(Split(images, None), 3, seed=0, value_range=value_range)  # type: ignore[arg-type]
        (found, labels), *_ = batches.epoch(0)
        assert labels is None
        assert found.dtype == torch.float32
        return sorted(found.flatten().tolist())

    assert values("signed") == pytest.approx([-1, -0.6, 1])
    assert values("unit") == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize(("flip", "axis"), [("horizontal", 3), ("vertical", 2)])
def test_half_of_the_images_are_mirrored_along_the_given_axis(flip: str, axis: int) -> None:
    ramp = np.arange(12, dtype=np.uint8).reshape(1, 1, 3, 4)
    batches = Batches(Split(np.repeat(ramp, 400, axis=0), None), 400, 0, "unit", flips=(flip,))  # type: ignore[arg-type]
    (images, _), *_ = batches.epoch(0)
    plain = torch.from_numpy(ramp).float() / 255
    unchanged: Tensor = (images == plain).flatten(1).all(1)
    mirrored: Tensor = (images == plain.flip(axis)).flatten(1).all(1)
    assert bool((unchanged ^ mirrored).all())
    assert 150 < int(mirrored.sum()) < 250
    (again, _), *_ = batches.epoch(1)
    assert not torch.equal(images, again)


def test_a_limit_uses_images_spread_over_the_split() -> None:
    batches = Batches(split(100), 5, seed=0, limit=10)
    assert len(batches) == 2
    assert [number // 10 for number in sorted(flattened(batches, 0))] == list(range(10)), "one of each tenth"
    assert len(Batches(split(20), 5, seed=0, limit=1000)) == 4


def test_a_split_smaller_than_a_batch_is_one_batch() -> None:
    batches = Batches(split(3), 64, seed=0)
    assert len(batches) == 1
    assert sorted(numbers(batches, 0)[0]) == [0, 1, 2]


def test_batches_read_from_disk_equal_batches_in_memory() -> None:
    options = {"batch_size": 7, "seed": 2, "flips": ("horizontal",), "limit": 50}
    in_memory = Batches(split(90), **options)  # type: ignore[arg-type]
    on_disk = Batches(split(90), **options, in_memory_bytes=10)  # type: ignore[arg-type]
    for (images, labels), (again, labels_again) in zip(in_memory.epoch(4), on_disk.epoch(4), strict=True):
        assert torch.equal(images, again)
        assert labels is not None
        assert labels_again is not None
        assert torch.equal(labels, labels_again)


def test_changing_a_batch_does_not_change_the_data() -> None:
    data = split(8)
    before = data.images.copy()
    for images, _ in Batches(data, 4, seed=0).epoch(0):
        images.zero_()
    assert np.array_equal(data.images, before)
    assert len(set(flattened(Batches(data, 4, seed=0), 0))) == 8


@pytest.mark.parametrize("flips", [(), ("horizontal",)])
def test_the_shares_of_all_processes_make_up_the_batch(flips: tuple[Flip, ...]) -> None:
    whole = Batches(split(23), 6, seed=0, flips=flips)
    shares = [Batches(split(23), 6, seed=0, flips=flips, share=(first, 3)) for first in range(3)]
    assert {len(part) for part in shares} == {len(whole)} and {part.batch_size for part in shares} == {6}
    for (images, labels), *parts in zip(whole.epoch(1), *(part.epoch(1) for part in shares), strict=True):
        assert labels is not None
        for rank, (part_images, part_labels) in enumerate(parts):
            assert torch.equal(part_images, images[rank::3]) and torch.equal(part_labels, labels[rank::3])


def test_a_batch_that_cannot_be_shared_equally_is_rejected() -> None:
    with pytest.raises(UserError, match="5 images give batches of 5, which 2 processes cannot share equally"):
        Batches(split(5), 6, seed=0, share=(0, 2))
