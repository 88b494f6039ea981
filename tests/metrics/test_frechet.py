import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_fid.fid_score import calculate_frechet_distance
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from ganpipe.metrics.frechet import frechet_distance
from ganpipe.metrics.statistics import fit


def features(count: int, width: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    """Skewed, correlated and non-negative, like those of a network."""
    random = torch.Generator().manual_seed(seed)
    mixed = torch.randn(count, width, generator=random) @ torch.randn(width, width, generator=random)
    return (mixed * scale / width**0.5).relu()


@pytest.mark.parametrize("scale", [1.001, 1.1, 3.0])
def test_agrees_with_pytorch_fid(scale: float) -> None:
    first, second = features(3000, 128, 0), features(2000, 128, 1, scale)
    statistics = [(f.mean(0), np.cov(f, rowvar=False)) for f in (first.double().numpy(), second.double().numpy())]

    expected = calculate_frechet_distance(*statistics[0], *statistics[1])

    assert frechet_distance(fit(first), fit(second)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("scale", [1.001, 1.1, 3.0])
def test_agrees_with_torch_fidelity(scale: float) -> None:
    first, second = features(3000, 128, 0).double(), features(2000, 128, 1, scale).double()
    statistics = [fid_features_to_statistics(f) for f in (first, second)]

    expected = fid_statistics_to_metric(*statistics, verbose=False)["frechet_inception_distance"]

    assert frechet_distance(fit(first), fit(second)) == pytest.approx(expected, rel=1e-9)


def test_closed_form_in_one_dimension() -> None:
    first, second = fit(torch.tensor([[0.0], [2.0], [4.0]])), fit(torch.tensor([[5.0], [5.5], [6.0]]))

    assert frechet_distance(first, second) == pytest.approx((5.5 - 2) ** 2 + (2 - 0.5) ** 2)


@pytest.mark.parametrize(("counts", "width"), [((30, 40), 256), ((30, 3000), 256), ((2, 2), 64), ((2, 500), 64)])
def test_fewer_rows_than_features_give_the_exact_distance(counts: tuple[int, int], width: int) -> None:
    first, second = features(counts[0], width, 0).double(), features(counts[1], width, 1).double()
    centred = [(f - f.mean(0)) / math.sqrt(len(f) - 1) for f in (first, second)]
    root = torch.linalg.matrix_norm(centred[0] @ centred[1].T, "nuc")
    between_means = (first.mean(0) - second.mean(0)).square().sum()
    expected = float(between_means + centred[0].square().sum() + centred[1].square().sum() - 2 * root)

    assert frechet_distance(fit(first), fit(second)) == pytest.approx(expected, rel=1e-9)


@settings(deadline=None)
@given(st.integers(2, 60), st.integers(1, 40), st.floats(1e-6, 1e6), st.integers(0, 39))
def test_identical_sets_have_distance_zero(count: int, width: int, scale: float, dead: int) -> None:
    rows = features(count, width, count) * scale
    rows[:, : min(dead, width)] = 0  # dead units

    distance = frechet_distance(fit(rows), fit(rows.clone()))

    assert 0 <= distance <= 1e-12 * max(float(rows.square().sum(1).max()), 1e-30) * width


def test_constant_features_differ_only_by_their_means() -> None:
    first, second = torch.full((300, 8), 3.0), torch.full((300, 8), 1.0)

    assert frechet_distance(fit(first), fit(second)) == pytest.approx(8 * 4)
    assert frechet_distance(fit(first), fit(first)) == 0


def test_is_symmetric() -> None:
    first, second = fit(features(200, 32, 0)), fit(features(20, 32, 1, 2.0))

    assert frechet_distance(first, second) == pytest.approx(frechet_distance(second, first), rel=1e-12)


def test_features_of_different_width_are_rejected() -> None:
    with pytest.raises(ValueError, match="4 and 5"):
        frechet_distance(fit(torch.eye(9, 4)), fit(torch.eye(9, 5)))
