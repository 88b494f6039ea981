"""Standard error of a metric over draws of the samples, and rejection of impossible values."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.evaluation import Evaluation, EvaluationContext, RealStatistics
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.measure import measure, missing_requirement, standard_error
from ganpipe.metrics.registry import lookup
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.metrics.statistics import fit

WIDTH = 8


@pytest.fixture
def context(mnist: Dataset, judge: Judge) -> EvaluationContext:
    real = torch.randn(5000, WIDTH, generator=torch.Generator().manual_seed(0))
    return EvaluationContext(
        mnist,
        judge,
        None,
        RealStatistics(real, None, None, fit(real), torch.full((4,), 0.25), None),
        EvaluateSettings(),
    )


def draw(context: EvaluationContext, count: int, seed: int) -> Evaluation:
    """Samples whose features are normal around 0.5 and whose logits are normal around 0."""
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(count, WIDTH, generator=random) + 0.5
    images = np.zeros((count, 1, 28, 28), dtype=np.uint8)
    return Evaluation(context, images, judge_outputs=(features, 2 * torch.randn(count, 4, generator=random)))


@pytest.mark.parametrize("name", ["fd_judge", "judge_confidence"])
def test_standard_error_equals_the_standard_deviation_over_draws(name: str, context: EvaluationContext) -> None:
    metric = lookup(name)
    evaluations = [draw(context, 600, seed) for seed in range(1, 61)]

    spread = np.std([measure(metric, evaluation) for evaluation in evaluations], ddof=1)

    errors = [standard_error(metric, evaluation) for evaluation in evaluations]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(spread, rel=0.25)


def test_four_times_the_samples_halve_the_standard_error(context: EvaluationContext) -> None:
    few, many = (
        np.mean([standard_error(lookup("fd_judge"), draw(context, n, s)) for s in range(10)]) for n in (500, 2000)
    )

    assert few / many == pytest.approx(2, rel=0.2)


def test_subset_selects_images_labels_and_features_alike(mnist: Dataset, context: EvaluationContext) -> None:
    evaluation = replace(draw(context, 200, 0), samples=mnist.heldout.images, labels=mnist.heldout.labels)
    rows = np.array([3, 7, 150])

    for subset in (evaluation.subset(rows), evaluation.subset(np.arange(3, 200)).subset(rows - 3)):
        assert len(subset) == 3
        np.testing.assert_array_equal(subset.images, mnist.heldout.images[rows])
        np.testing.assert_array_equal(subset.labels, mnist.heldout.labels[rows])
        assert torch.equal(subset.features, evaluation.features[rows])
        assert torch.equal(subset.logits, evaluation.logits[rows])


def test_jackknife_copies_no_images(context: EvaluationContext) -> None:
    class Unreadable:
        def __len__(self) -> int:
            return 600

        def __getitem__(self, rows: object) -> None:
            raise AssertionError("images were read")

    evaluation = replace(draw(context, 600, 0), samples=Unreadable())

    assert standard_error(lookup("fd_judge"), evaluation) == standard_error(lookup("fd_judge"), draw(context, 600, 0))


@pytest.mark.parametrize("name", ["precision", "recall", "density", "coverage"])
def test_too_many_neighbours_are_reported_with_the_largest_possible_number(
    name: str, context: EvaluationContext
) -> None:
    many = replace(context, settings=EvaluateSettings(neighbours=300))

    reason = missing_requirement(lookup(name), draw(many, 200, 0))

    assert "more than evaluate.neighbours = 300 images, there are 200 samples and 5000 real images" in reason
    assert reason.endswith("set evaluate.neighbours below 200")
    assert missing_requirement(lookup(name), draw(many, 301, 0)) == ""


@pytest.mark.parametrize(("real", "fix"), [(600, "add images to the dataset"), (60, "raise evaluate.real")])
def test_advice_for_too_few_real_images_can_be_followed(real: int, fix: str, context: EvaluationContext) -> None:
    few = replace(context.real, features=context.real.features[:real])
    demanding = replace(lookup("kid"), min_samples=601)
    evaluation = draw(replace(context, real=few), 700, 0)

    assert missing_requirement(demanding, evaluation) == f"needs at least 601 real images, there are {real}: {fix}"


@pytest.mark.parametrize(("name", "count"), [("precision", 200), ("judge_confidence", 39)])
def test_standard_error_is_none_if_not_estimated(name: str, count: int, context: EvaluationContext) -> None:
    assert standard_error(lookup(name), draw(context, count, 0)) is None


def test_non_finite_value_is_rejected(context: EvaluationContext) -> None:
    broken = replace(lookup("fd_judge"), compute=lambda evaluation: float("nan"))

    with pytest.raises(ValueError, match="fd_judge is nan for 50 images"):
        measure(broken, draw(context, 50, 0))
