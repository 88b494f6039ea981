"""The ImageNet extractor: its features recognise what they were not trained on, and its distance grows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset
from ganpipe.metrics.extractors import imagenet
from ganpipe.metrics.extractors.checks import check_distance
from ganpipe.metrics.extractors.imagenet import load_imagenet


def test_neighbours_in_the_features_show_the_same_digit(mnist: Dataset) -> None:
    """Wrong padding, order of the weights or scaling of the pixels would destroy this."""
    network = load_imagenet()
    train, heldout = (network.features(split.images[::4]) for split in (mnist.train, mnist.heldout))
    assert train.shape[1] == 1280 and train.dtype == torch.float32
    nearest = torch.cdist(heldout, train).argmin(1).numpy()
    assert np.mean(mnist.train.labels[::4][nearest] == mnist.heldout.labels[::4]) > 0.5


def test_features_of_an_image_do_not_depend_on_the_others(mnist: Dataset) -> None:
    network, images = load_imagenet(), mnist.heldout.images[:5]
    assert torch.equal(network.features(images)[3:4], network.features(images[3:4]))


def test_grey_images_equal_coloured_ones_with_equal_channels(mnist: Dataset) -> None:
    network, images = load_imagenet(), mnist.heldout.images[:2]
    assert torch.equal(network.features(images), network.features(np.repeat(images, 3, axis=1)))


def test_its_distance_grows_as_images_are_degraded(mnist: Dataset) -> None:
    distances, problems = check_distance(
        load_imagenet().features, mnist.train.images[::4], mnist.heldout.images[::2], 0
    )
    assert problems == () and distances["real"] < distances["slight blur"]


def test_other_weights_are_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / imagenet._FILE).write_bytes(b"other")
    monkeypatch.setattr(imagenet, "files", lambda _: tmp_path)
    with pytest.raises(UserError, match="not the expected weights"):
        load_imagenet.__wrapped__()
