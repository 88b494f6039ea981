"""An extractor that sees nothing fails its checks; a trained judge passes them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.extractors.checks import (
    LEAST_HELDOUT,
    Checks,
    Images,
    check_accuracy,
    check_distance,
    largest_share,
)
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.judge import Judge, train_judge
from ganpipe.metrics.settings import JudgeSettings


def checks_of(features: object, mnist: Dataset, accuracy: float = 0.9, held_out: int = 1000) -> Checks:
    heldout = mnist.heldout.images[:held_out]
    checks = check_distance(features, mnist.train.images, heldout, 0)  # type: ignore[arg-type]
    return check_accuracy(checks, accuracy, 0.1, len(heldout))


def test_a_trained_judge_passes(judge: Judge) -> None:
    found = judge.checks
    assert found.problems == () and judge.objection == ""
    assert found.chance is not None and found.accuracy_bound is not None
    assert found.chance < found.accuracy_bound < judge.accuracy
    distances = found.distances
    assert distances["real"] < distances["25 % noise"] < distances["50 % noise"] < distances["noise"]
    assert distances["real"] < distances["slight blur"] < distances["strong blur"] < distances["noise"]


def test_a_judge_that_learnt_random_labels_fails(mnist: Dataset) -> None:
    labels = np.random.default_rng(0).permutation(mnist.train.labels)
    shuffled = Dataset(**{**vars(mnist), "train": mnist.train._replace(labels=labels)})
    judge = train_judge(shuffled, JudgeSettings(epochs=2, width=4, depth=0))
    assert "is not distinctly above chance" in judge.objection
    assert "Raise judge.epochs" in judge.objection


def nothing(images: Images) -> Tensor:
    return torch.zeros(len(images), 8)


def brightness(images: Images) -> Tensor:
    """The mean value, which blurring does not change."""
    return torch.from_numpy(images.mean((1, 2, 3), dtype=np.float32))[:, None]


@pytest.mark.parametrize(
    ("features", "problem"),
    [
        (nothing, "its distance does not grow from real to 25 % noise"),
        (brightness, "its distance does not grow from real to slight blur"),
    ],
)
def test_a_distance_that_does_not_grow_with_degradation_fails(features: object, problem: str, mnist: Dataset) -> None:
    assert problem in checks_of(features, mnist).problems


@pytest.mark.parametrize(("accuracy", "above"), [(0.1, False), (0.12, False), (0.2, True), (1.0, True), (0.0, False)])
def test_accuracy_must_exceed_chance_with_confidence(
    accuracy: float, above: bool, judge: Judge, mnist: Dataset
) -> None:
    found = checks_of(lambda images: extract(judge, images)[0], mnist, accuracy)
    assert (found.problems == ()) is above
    assert found.accuracy_bound is not None and found.accuracy_bound <= accuracy


def test_too_few_held_out_images_cannot_check_anything(judge: Judge, mnist: Dataset) -> None:
    found = checks_of(lambda images: extract(judge, images)[0], mnist, held_out=LEAST_HELDOUT - 1)
    assert found.problems == (
        f"only {LEAST_HELDOUT - 1} images are held out, and {LEAST_HELDOUT} are needed to check it",
    )


def test_chance_is_the_best_constant_prediction() -> None:
    assert largest_share([0, 1, 1, 2]) == 0.5
