import numpy as np
import pytest

from ganpipe.data.dataset import Dataset
from ganpipe.metrics import memorisation


def test_copy_has_distance_zero_from_its_original(mnist: Dataset) -> None:
    chosen = np.array([17, 3, 599])

    indices, distances = memorisation.nearest(mnist.train.images[chosen], mnist.train.images)

    assert indices.tolist() == chosen.tolist()
    assert distances.tolist() == [0, 0, 0]


def test_nearest_image_equals_that_of_a_search_over_all_pairs(mnist: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorisation, "_BLOCK", 100)
    queries, training = mnist.heldout.images[:50], mnist.train.images
    distances = np.sqrt(np.square(queries[:, None] / 255 - training[None] / 255).mean(axis=(2, 3, 4)))

    found, nearest = memorisation.nearest(queries, training)

    assert found.tolist() == distances.argmin(1).tolist()
    np.testing.assert_allclose(nearest, distances.min(1), rtol=1e-12)
