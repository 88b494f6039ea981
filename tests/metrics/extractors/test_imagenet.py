"""The ImageNet extractor: its features are those of the published network, and its distance grows."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset
from ganpipe.metrics.extractors import imagenet
from ganpipe.metrics.extractors.checks import check_distance
from ganpipe.metrics.extractors.imagenet import load_imagenet


def test_features_equal_those_of_another_implementation() -> None:
    """Every 256th feature, mean and deviation, computed by `efficientnet-lite-pytorch` 0.1.0 with the same weights."""
    images = (np.arange(2 * 3 * 32 * 32) % 251).astype(np.uint8).reshape(2, 3, 32, 32)
    features = load_imagenet().features(images)
    assert features.shape == (2, 1280) and features.dtype == torch.float32
    expected = torch.tensor([[0, 0.3576, 5.0116, 0, 0], [0, 0.1261, 4.2168, 0, 0]])
    torch.testing.assert_close(features[:, ::256], expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(features.mean(1), torch.tensor([0.2639, 0.2299]), atol=1e-3, rtol=0)
    torch.testing.assert_close(features.std(1), torch.tensor([0.8066, 0.7356]), atol=1e-3, rtol=0)


def test_features_of_an_image_do_not_depend_on_the_others(mnist: Dataset) -> None:
    network, images = load_imagenet(), mnist.heldout.images[:5]
    assert torch.equal(network.features(images)[3:4], network.features(images[3:4]))


def test_grey_images_equal_coloured_ones_with_equal_channels(mnist: Dataset) -> None:
    network, images = load_imagenet(), mnist.heldout.images[:2]
    assert torch.equal(network.features(images), network.features(np.repeat(images, 3, axis=1)))


def test_its_distance_grows_as_images_are_degraded(mnist: Dataset) -> None:
    checks = check_distance(load_imagenet().features, mnist.train.images[::4], mnist.heldout.images[::2], 0)
    assert checks.problems == () and checks.distances["real"] < checks.distances["slight blur"]


def test_other_weights_are_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / imagenet._FILE).write_bytes(b"other")
    monkeypatch.setattr(imagenet, "files", lambda _: tmp_path)
    with pytest.raises(UserError, match="not the expected weights"):
        load_imagenet.__wrapped__()
