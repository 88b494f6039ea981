import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganpipe.metrics.statistics import Moments, fit, vendi_score


def covariance(factor: torch.Tensor) -> np.ndarray:
    return (factor.T @ factor).numpy()


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(1, 12), st.floats(-1e3, 1e3))
def test_streamed_moments_equal_those_of_all_rows(sizes: list[int], width: int, offset: float) -> None:
    random = np.random.default_rng(sum(sizes))
    rows = random.normal(offset, 2, (sum(sizes) + 1, width)).astype(np.float32)
    moments = Moments(width)
    for part in np.split(rows, np.cumsum(sizes)):
        moments.add(torch.from_numpy(part))

    gaussian = moments.gaussian()

    exact = rows.astype(np.float64)
    assert moments.count == len(rows)
    np.testing.assert_allclose(gaussian.mean, exact.mean(0), rtol=1e-12, atol=1e-12)
    expected = np.atleast_2d(np.cov(exact, rowvar=False))
    np.testing.assert_allclose(covariance(gaussian.factor), expected, rtol=1e-9, atol=1e-9)


def test_factor_of_few_rows_has_as_many_rows() -> None:
    rows = torch.randn(20, 64, generator=torch.Generator().manual_seed(0))

    assert len(fit(rows).factor) == 20


def test_factor_of_a_deficient_covariance_has_its_rank() -> None:
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(500, 9, generator=random).double() @ torch.randn(9, 64, generator=random).double()

    factor = fit(rows).factor

    assert len(factor) == 9
    np.testing.assert_allclose(covariance(factor), np.cov(rows.numpy(), rowvar=False), atol=1e-10)


@pytest.mark.parametrize("count", [5, 500])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_finite_values_are_rejected(count: int, value: float) -> None:
    rows = torch.zeros(count, 16)
    rows[3, 7] = value

    with pytest.raises(ValueError, match="not finite"):
        fit(rows)


@pytest.mark.parametrize("count", [0, 1])
def test_covariance_of_fewer_than_two_rows_is_rejected(count: int) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        fit(torch.zeros(count, 4))


def test_rows_of_another_width_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"\(n, 4\)"):
        Moments(4).add(torch.zeros(3, 5))


@pytest.mark.parametrize("count", [10, 16, 300])
def test_vendi_score_agrees_with_the_definition_in_numpy(count: int) -> None:
    rows = torch.randn(count, 16, generator=torch.Generator().manual_seed(0)).relu()
    unit = rows.double().numpy()
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    eigenvalues = np.linalg.eigvalsh(unit @ unit.T / count)
    positive = eigenvalues[eigenvalues > 1e-15]

    assert vendi_score(rows) == pytest.approx(np.exp(-np.sum(positive * np.log(positive))), rel=1e-9)


def test_vendi_score_counts_equally_frequent_directions() -> None:
    assert vendi_score(torch.eye(5).repeat(20, 1)) == pytest.approx(5)
    assert vendi_score(torch.ones(50, 8)) == pytest.approx(1)


def test_vendi_score_rejects_invalid_features() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        vendi_score(torch.zeros(0, 4))
    with pytest.raises(ValueError, match="not finite"):
        vendi_score(torch.full((3, 4), float("inf")))
