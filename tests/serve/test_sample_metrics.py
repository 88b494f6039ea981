import math

import numpy as np
import pytest

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.serve.sample_metrics import MAX_REAL_IMAGES, SampleMetric, classify, sample_metrics


def test_real_images_of_a_class_have_ratio_one(mnist: Dataset) -> None:
    assert len(mnist.heldout.images) <= MAX_REAL_IMAGES
    assert mnist.heldout.labels is not None
    sevens = np.asarray(mnist.heldout.images[mnist.heldout.labels == 7])
    assert [metric.ratio for metric in sample_metrics(sevens, mnist, 7)] == [1, 1, 1]
    all_classes = {metric.name: metric.ratio for metric in sample_metrics(sevens, mnist, None)}
    assert all_classes["diversity"] < 0.9  # sevens differ less from each other than from other digits


def test_diversity_needs_two_images(mnist: Dataset) -> None:
    assert [metric.name for metric in sample_metrics(np.asarray(mnist.train.images[:1]), mnist, None)] == [
        "sharpness",
        "contrast",
    ]


def test_ratio_is_infinite_if_the_real_value_is_zero() -> None:
    assert math.isinf(SampleMetric("contrast", 0.5, 0.0).ratio)


def test_judge_classifies_real_images_with_its_recorded_accuracy(mnist: Dataset, judge: Judge) -> None:
    assert mnist.heldout.labels is not None
    prediction = classify(np.asarray(mnist.heldout.images), judge, mnist.classes)
    assert prediction is not None
    correct = [name == str(label) for name, label in zip(prediction.names, mnist.heldout.labels, strict=True)]
    assert np.mean(correct) == pytest.approx(judge.accuracy)
    assert sum(count for _, count in prediction.counts) == len(mnist.heldout.images)
    assert prediction.share("7") == dict(prediction.counts)["7"] / len(mnist.heldout.images)
    assert 1 / 10 < prediction.mean_confidence <= 1
