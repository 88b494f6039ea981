import numpy as np
import pytest
import torch

from ganpipe.metrics.diversity import vendi_score


@pytest.mark.parametrize("count", [10, 16, 300])
def test_agrees_with_the_definition_in_numpy(count: int) -> None:
    rows = torch.randn(count, 16, generator=torch.Generator().manual_seed(0)).relu()
    unit = rows.double().numpy()
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    eigenvalues = np.linalg.eigvalsh(unit @ unit.T / count)
    positive = eigenvalues[eigenvalues > 1e-15]

    assert vendi_score(rows) == pytest.approx(np.exp(-np.sum(positive * np.log(positive))), rel=1e-9)


def test_score_counts_equally_frequent_directions() -> None:
    assert vendi_score(torch.eye(5).repeat(20, 1)) == pytest.approx(5)
    assert vendi_score(torch.ones(50, 8)) == pytest.approx(1)


def test_invalid_features_are_rejected() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        vendi_score(torch.zeros(0, 4))
    with pytest.raises(ValueError, match="not finite"):
        vendi_score(torch.full((3, 4), float("inf")))
