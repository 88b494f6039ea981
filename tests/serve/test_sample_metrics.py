import math

import numpy as np
import pytest

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.serve.sample_metrics import MOST_REAL, Measure, measure, read


def test_real_images_of_a_class_are_like_themselves(mnist: Dataset) -> None:
    assert len(mnist.heldout.images) <= MOST_REAL
    assert mnist.heldout.labels is not None
    sevens = np.asarray(mnist.heldout.images[mnist.heldout.labels == 7])
    assert [one.ratio for one in measure(sevens, mnist, 7)] == [1, 1, 1]
    of_all = {one.name: one.ratio for one in measure(sevens, mnist, None)}
    assert of_all["diversity"] < 0.9  # sevens differ less from each other than from other digits


def test_one_image_has_no_diversity(mnist: Dataset) -> None:
    assert [one.name for one in measure(np.asarray(mnist.train.images[:1]), mnist, None)] == ["sharpness", "contrast"]


def test_where_real_images_have_none_the_ratio_is_infinite() -> None:
    assert math.isinf(Measure("contrast", 0.5, 0.0).ratio)


def test_the_judge_reads_most_real_images_right(mnist: Dataset, judge: Judge) -> None:
    assert mnist.heldout.labels is not None
    reading = read(np.asarray(mnist.heldout.images), judge, mnist.classes)
    assert reading is not None
    right = [name == str(label) for name, label in zip(reading.names, mnist.heldout.labels, strict=True)]
    assert np.mean(right) == pytest.approx(judge.accuracy)
    assert sum(count for _, count in reading.counts) == len(mnist.heldout.images)
    assert reading.share("7") == dict(reading.counts)["7"] / len(mnist.heldout.images)
    assert 1 / 10 < reading.confidence <= 1
