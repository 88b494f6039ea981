import numpy as np
import torch

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.transfer import transfer_accuracy


def test_accuracy_is_high_for_real_images_and_low_for_shuffled_labels(mnist: Dataset) -> None:
    images, labels = mnist.train
    shuffled = np.random.default_rng(0).permutation(labels)

    assert transfer_accuracy(images, labels, mnist.heldout, 10, seed=0) > 0.6
    assert transfer_accuracy(images, shuffled, mnist.heldout, 10, seed=0) < 0.3


def test_accuracy_depends_only_on_the_seed(mnist: Dataset) -> None:
    found = []
    for _ in range(2):
        torch.rand(3)  # must have no effect
        found.append(transfer_accuracy(mnist.train.images, mnist.train.labels, mnist.heldout, 10, seed=3))

    assert found[0] == found[1]
