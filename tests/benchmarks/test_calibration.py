"""Trials of the calibration: which values they share, and that equal and different entries are called so."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.extractors.judge import train_judge
from ganpipe.metrics.reference import build_reference
from ganpipe.metrics.settings import JudgeSettings
from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def calibration() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(REPOSITORY / "benchmarks" / "calibration.py")))


def test_the_verdict_decides_whether_entries_differ(calibration: SimpleNamespace) -> None:
    assert calibration.is_called_different([10, 10.1, 10.2], [20, 20.1, 20.2])
    assert calibration.is_called_different([20, 20.1, 20.2], [10, 10.1, 10.2])
    assert not calibration.is_called_different([10, 12, 14], [11, 13, 15])


def test_trials_share_no_value(calibration: SimpleNamespace) -> None:
    values = np.array([10, 10.1, 10.2, 20, 20.1, 20.2, 10, 12, 14, 11, 13, 15, 99])
    assert calibration.disjoint_trials(values, 3) == [True, False]  # the thirteenth is left over


def test_simulated_trials_find_a_shift_and_no_difference(calibration: SimpleNamespace) -> None:
    values = np.exp(np.random.default_rng(0).normal(3, 0.2, 50))
    equal = calibration.simulated_trials(values, 5, 0, 400, np.random.default_rng(0))
    shifted = calibration.simulated_trials(values, 5, 4, 400, np.random.default_rng(0))
    assert np.mean(equal) < 0.1 and np.mean(shifted) > 0.95


def test_a_training_gives_the_value_of_its_seed(calibration: SimpleNamespace, mnist: Dataset, tmp_path: Path) -> None:
    judge = train_judge(mnist, JudgeSettings(epochs=8, batch_size=32, depth=0))
    build_reference(mnist, judge, calibration.SETTINGS, calibration.SAMPLES, tmp_path / "reference")
    first, again, other = (
        calibration.train_and_evaluate(mnist, judge, tmp_path / "reference", seed) for seed in (0, 0, 1)
    )
    assert first > 0
    assert first == again != other
