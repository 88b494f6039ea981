"""Stacked images, compared with plain loops over the grey images that they are made of."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset, load
from ganpipe.data.prepare import prepare
from ganpipe.data.settings import DatasetSettings
from ganpipe.data.stacked import ROUNDS, draw_stacks, prepare_stacked

SETTINGS = DatasetSettings(source="mnist", size=28, labels=(0, 1, 7))


@pytest.fixture(scope="module")
def single(mnist_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("grey") / "mnist"
    prepare("mnist", mnist_raw, SETTINGS, folder)
    return load(folder)


@pytest.fixture(scope="module")
def folder(mnist_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stacked") / "stacked-mnist"
    prepare_stacked("stacked-mnist", mnist_raw, SETTINGS, folder)
    return folder


@pytest.fixture(scope="module")
def stacked(folder: Path) -> Dataset:
    return load(folder)


def test_classes_are_all_triples_in_the_order_of_their_labels(stacked: Dataset, single: Dataset) -> None:
    names = single.classes
    assert stacked.classes == tuple(f"{a}-{b}-{c}" for a in names for b in names for c in names)
    assert stacked.classes[9 * 2 + 3 * 0 + 1] == "7-0-1"


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_every_channel_is_a_grey_image_of_the_same_split_with_the_class_of_the_label(
    split: str, stacked: Dataset, single: Dataset
) -> None:
    grey, stacks = getattr(single, split), getattr(stacked, split)
    digit_of = {image.tobytes(): int(label) for image, label in zip(grey.images[:, 0], grey.labels, strict=True)}
    assert len(digit_of) == len(grey.images)
    for image, label in zip(stacks.images, stacks.labels, strict=True):
        red, green, blue = (digit_of[channel.tobytes()] for channel in image)
        assert label == 9 * red + 3 * green + blue


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_every_channel_contains_each_grey_image_equally_often_in_another_order(
    split: str, stacked: Dataset, single: Dataset
) -> None:
    grey, stacks = getattr(single, split).images, getattr(stacked, split).images
    assert len(stacks) == ROUNDS[split] * len(grey)
    channels = [[image[channel].tobytes() for image in stacks] for channel in range(3)]
    expected = sorted(ROUNDS[split] * [image.tobytes() for image in grey])
    assert [sorted(channel) for channel in channels] == [expected] * 3
    assert channels[0] != channels[1] != channels[2] != channels[0]


def test_stacks_depend_on_seed_and_split_only() -> None:
    first = draw_stacks(50, 2, 0, 0)
    assert np.array_equal(first, draw_stacks(50, 2, 0, 0))
    assert not np.array_equal(first, draw_stacks(50, 2, 1, 0))
    assert not np.array_equal(first, draw_stacks(50, 2, 0, 1))
    assert not np.array_equal(first[:50], first[50:])


def test_two_runs_write_the_same_bytes_and_nothing_else(folder: Path, mnist_raw: Path, tmp_path: Path) -> None:
    def digests(folder: Path) -> dict[str, str]:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}

    prepare_stacked("stacked-mnist", mnist_raw, SETTINGS.model_copy(update={"path": "/x"}), tmp_path / "again")
    assert digests(tmp_path / "again") == digests(folder)
    assert sorted(digests(folder)) == [
        "dataset.json",
        "heldout_images.npy",
        "heldout_labels.npy",
        "train_images.npy",
        "train_labels.npy",
    ]


def test_description_is_that_of_the_stacked_images(folder: Path, single: Dataset) -> None:
    description = json.loads((folder / "dataset.json").read_text())
    assert description["title"] == "Stacked MNIST, handwritten digits"
    assert description["counts"] == {"train": 180, "heldout": 180}
    assert description["settings"]["stacked"] is True
    assert description["fingerprint"] != single.fingerprint


def test_another_seed_gives_another_fingerprint(stacked: Dataset, mnist_raw: Path, tmp_path: Path) -> None:
    prepare_stacked("stacked-mnist", mnist_raw, SETTINGS.model_copy(update={"seed": 1}), tmp_path / "other")
    assert load(tmp_path / "other").fingerprint != stacked.fingerprint


def test_modes_without_training_images_are_rejected(mnist_raw: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"stacked: \d+ of 1000 modes, such as 0-0-\d, have no training image\. Raise"):
        prepare_stacked("stacked-mnist", mnist_raw, SETTINGS.model_copy(update={"labels": None}), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_colours_are_rejected(mnist_raw: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="stacked: needs grey images"):
        prepare_stacked("stacked-mnist", mnist_raw, SETTINGS.model_copy(update={"channels": 3}), tmp_path / "out")
