import numpy as np
import pytest
import torch

from ganpipe.common.determinism import deterministic_mode
from ganpipe.data.dataset import Dataset
from ganpipe.metrics.extractors.features import BATCH, extract
from ganpipe.metrics.extractors.judge import Judge


def test_features_of_an_image_do_not_depend_on_the_rest_of_the_batch(mnist: Dataset, judge: Judge) -> None:
    images = mnist.train.images
    whole, _ = extract(judge, images)

    alone = torch.cat([extract(judge, images[i : i + 1])[0] for i in (0, 7, BATCH, 599)])

    torch.testing.assert_close(alone, whole[[0, 7, BATCH, 599]], rtol=0, atol=0)


def test_features_do_not_depend_on_the_previous_number_of_threads(mnist: Dataset, judge: Judge) -> None:
    found = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        with deterministic_mode(1):
            found.append(extract(judge, mnist.heldout.images)[0])
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)

    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_features_are_float32_and_finite(mnist: Dataset, judge: Judge) -> None:
    features, logits = extract(judge, mnist.heldout.images)

    assert features.shape == (200, 128)
    assert logits.shape == (200, 10)
    assert features.dtype == logits.dtype == torch.float32
    assert torch.isfinite(features).all()


@pytest.mark.parametrize("count", [1, BATCH - 1, BATCH, BATCH + 1])
def test_every_batch_has_the_same_size(count: int) -> None:
    sizes = []

    def network(images: torch.Tensor) -> tuple[torch.Tensor]:
        sizes.append(len(images))
        return (images.flatten(1),)

    images = np.arange(count, dtype=np.uint16).astype(np.uint8).reshape(count, 1, 1, 1)
    (rows,) = extract(network, images)

    assert set(sizes) == {BATCH}
    assert rows[:, 0].tolist() == images.ravel().tolist()
