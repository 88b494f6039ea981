"""How sure a number is: its standard error over draws of the samples."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.evaluation import Evaluation, EvaluationContext, RealStatistics
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.measure import lookup, measure, standard_error
from ganpipe.metrics.settings import EvaluateSettings
from ganpipe.metrics.statistics import fit

WIDTH = 8


@pytest.fixture
def setting(mnist: Dataset, judge: Judge) -> EvaluationContext:
    real = torch.randn(5000, WIDTH, generator=torch.Generator().manual_seed(0))
    return EvaluationContext(
        mnist,
        judge,
        None,
        RealStatistics(real, None, None, fit(real), torch.full((4,), 0.25), None),
        EvaluateSettings(),
    )


def drawn(setting: EvaluationContext, count: int, seed: int) -> Evaluation:
    """Samples whose features are normal around 0.5 and whose logits are normal around 0."""
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(count, WIDTH, generator=random) + 0.5
    images = np.zeros((count, 1, 28, 28), dtype=np.uint8)
    return Evaluation(setting, images, judged=(features, 2 * torch.randn(count, 4, generator=random)))


@pytest.mark.parametrize("name", ["fd_judge", "judge_confidence"])
def test_the_standard_error_is_what_the_draws_spread(name: str, setting: EvaluationContext) -> None:
    metric = lookup(name)
    cases = [drawn(setting, 600, seed) for seed in range(1, 61)]

    spread = np.std([measure(metric, case) for case in cases], ddof=1)

    errors = [standard_error(metric, case) for case in cases]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(spread, rel=0.25)


def test_four_times_the_samples_halve_it(setting: EvaluationContext) -> None:
    few, many = (
        np.mean([standard_error(lookup("fd_judge"), drawn(setting, n, s)) for s in range(10)]) for n in (500, 2000)
    )

    assert few / many == pytest.approx(2, rel=0.2)


def test_the_labels_that_were_asked_for_stay_with_their_images(mnist: Dataset, setting: EvaluationContext) -> None:
    case = replace(drawn(setting, 200, 0), images=mnist.heldout.images, labels=mnist.heldout.labels)
    rows = np.array([3, 7, 150])

    part = case.part(rows)

    np.testing.assert_array_equal(part.images, mnist.heldout.images[rows])
    np.testing.assert_array_equal(part.labels, mnist.heldout.labels[rows])
    assert torch.equal(part.features, case.features[rows])
    assert torch.equal(part.logits, case.logits[rows])


@pytest.mark.parametrize(("name", "count"), [("precision", 200), ("judge_confidence", 39)])
def test_there_is_none_where_it_is_not_estimated(name: str, count: int, setting: EvaluationContext) -> None:
    assert standard_error(lookup(name), drawn(setting, count, 0)) is None


def test_a_number_that_is_not_finite_is_not_passed_on(setting: EvaluationContext) -> None:
    broken = replace(lookup("fd_judge"), compute=lambda case: float("nan"))

    with pytest.raises(ValueError, match="fd_judge is nan on 50 images"):
        measure(broken, drawn(setting, 50, 0))
