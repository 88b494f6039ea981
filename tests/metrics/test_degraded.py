"""Every metric changes in the right direction on real images that are degraded step by step."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.classes import shares
from ganpipe.metrics.evaluation import Evaluation, EvaluationContext, RealStatistics
from ganpipe.metrics.extractors.features import extract
from ganpipe.metrics.extractors.imagenet import load_imagenet
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.modes import MODE_METRICS
from ganpipe.metrics.registry import lookup
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.metrics.statistics import fit
from ganpipe.plan.metric_names import metric_names

Images = NDArray[np.uint8]


def blurred(real: Images, labels: NDArray[np.int64], step: int) -> Images:
    return gaussian_filter(real, (0, 0, 0.6 * step, 0.6 * step))


def noisy(real: Images, labels: NDArray[np.int64], step: int) -> Images:
    noise = np.random.default_rng(0).normal(0, 25 * step, real.shape)
    return np.clip(real + noise, 0, 255).astype(np.uint8)


def faded(real: Images, labels: NDArray[np.int64], step: int) -> Images:
    return (real / (step + 1)).astype(np.uint8)


def replaced(real: Images, labels: NDArray[np.int64], step: int) -> Images:
    noise = np.random.default_rng(0).integers(256, size=real.shape, dtype=np.uint8)
    return np.where(np.arange(len(real))[:, None, None, None] % 4 < step, noise, real)


def repeated(real: Images, labels: NDArray[np.int64], step: int) -> Images:
    return np.resize(real[: len(real) // 4**step], real.shape)


def fewer_classes(real: Images, labels: NDArray[np.int64], step: int) -> Images:
    return np.resize(real[labels < (10, 6, 3, 1)[step]], real.shape)


EXPECTED = [
    *(("fd_judge", degradation, +1) for degradation in (blurred, noisy, repeated, fewer_classes)),
    *(("kid", degradation, +1) for degradation in (blurred, noisy, fewer_classes, repeated)),
    *(("kid_imagenet", degradation, +1) for degradation in (blurred, repeated, fewer_classes)),
    *(("mind", degradation, +1) for degradation in (blurred, noisy, repeated, fewer_classes)),
    *(("mmd_rbf", degradation, +1) for degradation in (blurred, noisy, fewer_classes)),
    *(("vendi", degradation, -1) for degradation in (repeated, fewer_classes)),
    ("fd_per_class", noisy, +1),
    ("fd_per_class", blurred, +1),
    ("precision", replaced, -1),
    ("density", replaced, -1),
    *(("recall", degradation, -1) for degradation in (repeated, fewer_classes)),
    *(("coverage", degradation, -1) for degradation in (repeated, fewer_classes, noisy)),
    ("sharpness", blurred, -1),
    ("sharpness", noisy, +1),
    ("contrast", blurred, -1),
    ("contrast", faded, -1),
    ("diversity", faded, -1),
    ("diversity", fewer_classes, -1),
    ("ssim_diversity", repeated, -1),
    ("class_coverage", fewer_classes, -1),
    ("class_balance", fewer_classes, -1),
    ("class_balance", replaced, -1),
    ("judge_confidence", blurred, -1),
    ("label_accuracy", blurred, -1),
    ("label_accuracy", noisy, -1),
    ("transfer_accuracy", fewer_classes, -1),
    ("memorisation", noisy, +1),
]

SHARES = {"precision", "recall", "coverage", "label_accuracy", "transfer_accuracy"}


@pytest.fixture(scope="module")
def context(mnist: Dataset, judge: Judge) -> EvaluationContext:
    features, logits = extract(judge, mnist.train.images)
    of_class = (features[torch.from_numpy(mnist.train.labels == number)] for number in range(10))
    gaussians = tuple(fit(rows) for rows in of_class)
    real = RealStatistics(
        features, None, None, fit(features), shares(logits), None, class_gaussians=gaussians,
        imagenet=load_imagenet().features(mnist.train.images[::3]),
    )  # fmt: skip
    return EvaluationContext(mnist, judge, None, real, EvaluateSettings(pairs=1000, queries=100))


def test_every_image_metric_is_tested() -> None:
    elsewhere = {"inception", "copying"}  # see test_fid.py and test_copying.py
    image_metrics = {
        name for name in metric_names() if lookup(name).real != "none" and not elsewhere & set(lookup(name).requires)
    }

    assert {name for name, _, _ in EXPECTED} == image_metrics - set(MODE_METRICS)  # see test_modes.py


@pytest.mark.parametrize(("name", "degrade", "sign"), EXPECTED)
def test_value_changes_monotonically_with_degradation(
    name: str, degrade: Callable[[Images, NDArray[np.int64], int], Images], sign: int, context: EvaluationContext
) -> None:
    # A classifier needs more than the 200 held-out images, or it learns in so few steps that rounding decides.
    images, labels = context.dataset.train if name == "transfer_accuracy" else context.dataset.heldout
    compute = lookup(name).compute

    values = [compute(Evaluation(context, degrade(images, labels, step), labels)) for step in range(4)]

    slack = 0.0
    if name in SHARES:  # of 200 images: a step within two standard errors means nothing
        slack = max(2 * math.sqrt(value * (1 - value) / len(context.dataset.heldout.images)) for value in values)
    assert all(sign * (after - before) >= -slack for before, after in pairwise(values)), values
    assert sign * (values[-1] - values[0]) > slack, values


def test_memorisation_decreases_with_the_share_of_copies(context: EvaluationContext) -> None:
    heldout, train = context.dataset.heldout.images, context.dataset.train.images
    mixed = [np.concatenate([train[:copies], heldout[copies:100]]) for copies in (0, 20, 40, 60)]

    values = [lookup("memorisation").compute(Evaluation(context, images)) for images in mixed]

    assert all(after < before for before, after in pairwise(values))
    assert values[-1] == 0


def test_memorisation_of_images_sorted_by_class_is_that_of_all_classes(context: EvaluationContext) -> None:
    """The floor is computed from held-out images sorted by class: its queries must not be a single class."""
    images, labels = context.dataset.heldout
    by_class = images[np.argsort(labels, kind="stable")]
    all_queries, some_queries = (replace(context, settings=EvaluateSettings(queries=n)) for n in (len(images), 50))

    expected = lookup("memorisation").compute(Evaluation(all_queries, by_class))
    value = lookup("memorisation").compute(Evaluation(some_queries, by_class))

    assert value == pytest.approx(expected, rel=0.1)
