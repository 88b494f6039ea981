"""Usefulness of samples as training data: a classifier trained on samples only, tested on real images."""

import numpy as np
import torch
from numpy.typing import NDArray

from ganpipe.common.random_streams import torch_seed
from ganpipe.common.types import ImageShape
from ganpipe.data.dataset import Split
from ganpipe.metrics.extractors.classifier_training import accuracy, fit_classifier
from ganpipe.metrics.settings import JudgeSettings
from ganpipe.nets.classifier import Classifier

_STUDENT = JudgeSettings(depth=0, epochs=5, lr=0.01)


def transfer_accuracy(
    images: NDArray[np.uint8], labels: NDArray[np.int64], heldout: Split, classes: int, seed: int
) -> float:
    """Return the held-out accuracy of a small classifier trained only on images (N,C,H,W) with labels (N,).

    Source: Ravuri and Vinyals, Classification accuracy score for conditional generative models, 2019.
    """
    shape = ImageShape(images.shape[1], images.shape[2])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(torch_seed(seed, "transfer"))
        student = Classifier(shape, classes, width=_STUDENT.width, depth=_STUDENT.depth)
        fit_classifier(student, Split(images, labels), _STUDENT)
    assert heldout.labels is not None
    return accuracy(student, heldout.images, heldout.labels)
