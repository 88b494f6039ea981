import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from ganpipe.metrics.wasserstein import mind, orthonormal_directions


def features(count: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(count, 24, generator=torch.Generator().manual_seed(seed)).relu() * scale


@pytest.mark.parametrize("scale", [1.0, 1.1, 3.0])
def test_agrees_with_the_formula_in_numpy(scale: float) -> None:
    first, second = features(300, 0), features(300, 1, scale)
    directions = orthonormal_directions(24, 7)
    sorted_rows = [np.sort(rows.double().numpy() @ directions.T, axis=0) for rows in (first, second)]

    expected = 3 * 24 * np.mean(np.square(sorted_rows[0] - sorted_rows[1]))

    assert mind(first, second, 7) == pytest.approx(expected, rel=1e-12)


def test_shifted_mean_has_its_closed_form() -> None:
    rows, shift = features(500, 0).double(), torch.randn(24, generator=torch.Generator().manual_seed(2)).double()

    assert mind(rows, rows + shift, 0) == pytest.approx(3 * float(shift.square().sum()), rel=1e-9)
    assert mind(rows, rows + 0.7, 0) == pytest.approx(3 * 24 * 0.7**2, rel=1e-9)


def test_sets_of_different_sizes_are_compared_by_their_quantiles() -> None:
    """Repeating every row changes neither distribution."""
    first, second = features(60, 0), features(90, 1)

    expected = mind(first.repeat(3, 1), second.repeat(2, 1), 0)

    assert mind(first, second, 0) == pytest.approx(expected, rel=1e-9)


def test_one_dimension_is_the_squared_wasserstein_distance_times_three() -> None:
    first, second = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([[5.0], [6.0], [8.0]])

    assert mind(first, second, 0) == pytest.approx(3 * wasserstein_distance([0, 1, 3], [5, 6, 8]) ** 2)


def test_identical_sets_have_distance_zero_in_any_order() -> None:
    rows = features(100, 0)

    assert mind(rows, rows.flip(0), 0) == pytest.approx(0, abs=1e-20)


def test_directions_are_whole_orthonormal_bases() -> None:
    directions = orthonormal_directions(24, 0)

    assert len(directions) == 528
    for basis in directions.reshape(-1, 24, 24):
        np.testing.assert_allclose(basis @ basis.T, np.eye(24), atol=1e-12)


def test_invalid_features_are_rejected() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        mind(features(5, 0), features(0, 1), 0)
    with pytest.raises(ValueError, match="not finite"):
        mind(features(5, 0), features(5, 1) * float("nan"), 0)
