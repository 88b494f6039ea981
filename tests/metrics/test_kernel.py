import numpy as np
import pytest
import torch
from torch_fidelity.metric_kid import kid_features_to_metric

from ganpipe.metrics import kernel as kernel_module
from ganpipe.metrics.kernel import kernel_distance, mean_kernel, median_distance, rbf_distance


def features(count: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(count, 32, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).relu() * scale


@pytest.mark.parametrize("scale", [1.0, 1.05, 2.0])
def test_agrees_with_torch_fidelity_on_all_rows(scale: float) -> None:
    first, second = features(1300, 0), features(1300, 1, scale)

    expected = kid_features_to_metric(first, second, kid_subsets=1, kid_subset_size=1300, rng_seed=0, verbose=False)

    absolute = 1e-14 * float(first.square().sum(1).mean()) ** 3  # two terms of this size cancel where scale is 1
    value = kernel_distance(first, second)
    assert value == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-9, abs=absolute)


def test_is_unbiased_for_sets_of_any_size() -> None:
    drawn = [kernel_distance(features(40, 2 * i), features(25, 2 * i + 1)) for i in range(400)]
    mean, error = torch.tensor(drawn).mean(), torch.tensor(drawn).std() / 20

    assert abs(mean) < 3 * error


def test_known_mean_kernel_is_used_unchanged() -> None:
    first, second = features(130, 0), features(90, 1)
    known = mean_kernel(first)

    assert kernel_distance(first, second, known) == kernel_distance(first, second)
    assert kernel_distance(first, second, known + 1) == pytest.approx(kernel_distance(first, second) + 1)


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_rows_are_rejected(count: int) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        kernel_distance(features(5, 0), features(count, 1))


def test_non_finite_values_are_rejected() -> None:
    with pytest.raises(ValueError, match="not finite"):
        kernel_distance(features(5, 0), features(5, 1) * float("nan"))


def test_constant_features_have_distance_zero() -> None:
    same = torch.ones(10, 4)

    assert kernel_distance(same, same) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1.05, 2.0])
def test_rbf_distance_agrees_with_the_formula_in_numpy(scale: float) -> None:
    first, second = features(70, 0), features(90, 1, scale)

    def kernel(rows: torch.Tensor, others: torch.Tensor) -> np.ndarray:
        squared = np.square(rows.numpy()[:, None] - others.numpy()[None]).sum(2)
        return np.exp(-squared / (2 * 3.0**2))

    within = [(kernel(rows, rows).sum() - len(rows)) / (len(rows) * (len(rows) - 1)) for rows in (first, second)]
    expected = sum(within) - 2 * kernel(first, second).mean()

    assert rbf_distance(first, second, 3.0) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_bandwidth_is_the_median_distance_of_evenly_spaced_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = features(101, 0)
    assert median_distance(rows) == pytest.approx(float(torch.pdist(rows).median()))

    monkeypatch.setattr(kernel_module, "_MEDIAN_ROWS", 40)

    assert median_distance(rows) == pytest.approx(float(torch.pdist(rows[::3]).median()))


def test_rbf_distance_rejects_invalid_features() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        rbf_distance(features(5, 0), features(1, 1), 1.0)
    with pytest.raises(ValueError, match="not finite"):
        rbf_distance(features(5, 0), features(5, 1) * float("nan"), 1.0)
