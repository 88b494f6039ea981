"""Selection of samples by class: the shares of the selection, and what counts as an improvement."""

import runpy
from types import SimpleNamespace

import numpy as np
import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def gaming() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(REPOSITORY / "benchmarks" / "gaming.py")))


def test_the_selection_has_the_requested_shares(gaming: SimpleNamespace) -> None:
    predicted = np.repeat([0, 1, 2], [700, 200, 100])
    rows = gaming.select_by_class(predicted, [0.25, 0.5, 0.25], 200, np.random.default_rng(0))
    assert np.bincount(predicted[rows]).tolist() == [50, 100, 50]
    assert len(np.unique(rows)) == 200
    other = gaming.select_by_class(predicted, [0.25, 0.5, 0.25], 200, np.random.default_rng(1))
    assert not np.array_equal(rows, other)  # within a class, chance decides


def test_a_class_with_too_few_candidates_is_filled_with_others(gaming: SimpleNamespace) -> None:
    predicted = np.repeat([0, 1], [95, 5])
    rows = gaming.select_by_class(predicted, [0.5, 0.5], 40, np.random.default_rng(0))
    assert np.bincount(predicted[rows]).tolist() == [35, 5]
    assert len(np.unique(rows)) == 40


def test_an_improvement_depends_on_the_direction(gaming: SimpleNamespace) -> None:
    assert gaming.improves(2, 1, "lower", None) and not gaming.improves(1, 2, "lower", None)
    assert gaming.improves(1, 2, "higher", None) and not gaming.improves(2, 1, "higher", None)
    assert gaming.improves(4, 2, "real", 1.5) and not gaming.improves(2, 0, "real", 1.5)
    assert not gaming.improves(2, 1, "real", None)
