"""Mode coverage: the metrics against plain counting, on real images, on collapsed ones and on noise."""

from collections import Counter
from math import inf, log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ganpipe.data.dataset import Dataset
from ganpipe.metrics import modes
from ganpipe.metrics.evaluate import evaluate
from ganpipe.metrics.extractors.judge import Judge
from ganpipe.metrics.reference import build_reference
from ganpipe.metrics.settings import EvaluateSettings

SETTINGS = EvaluateSettings(metrics=modes.MODE_METRICS)
COUNT = 180


def counted_divergence(generated: list[int], real: list[int]) -> float:
    """KL(generated || real), by the definition and one mode at a time."""
    found, expected = Counter(generated), Counter(real)
    return sum(
        count / len(generated) * log(count / len(generated) / (expected[mode] / len(real)))
        for mode, count in found.items()
    )


def test_divergence_equals_plain_counting() -> None:
    random = np.random.default_rng(0)
    generated, real = random.integers(3, 20, 500), random.integers(0, 20, 3000)
    value = modes.kl_divergence(modes.histogram(generated, 20), modes.histogram(real, 20))
    assert value == pytest.approx(counted_divergence(generated.tolist(), real.tolist()))
    assert value > 0.1


def test_divergence_of_known_histograms() -> None:
    uniform = np.full(8, 5)
    one = np.array([0, 7, 0, 0, 0, 0, 0, 0])
    assert modes.kl_divergence(uniform, 3 * uniform) == 0
    assert modes.kl_divergence(one, uniform) == pytest.approx(log(8))
    assert modes.kl_divergence(uniform, one) == inf


def test_divergence_of_few_samples_is_the_stated_multiple_of_their_number() -> None:
    random = np.random.default_rng(0)
    real = np.full(1000, 60)
    values = [modes.kl_divergence(modes.histogram(random.integers(1000, size=26_000), 1000), real) for _ in range(20)]
    assert np.mean(values) == pytest.approx(999 / (2 * 26_000), rel=0.05)


@pytest.fixture(scope="module")
def reference(stacked: Dataset, stacked_judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out") / "reference"
    build_reference(stacked, stacked_judge, SETTINGS, COUNT, folder)
    return folder


def scores(samples: NDArray[np.uint8], stacked: Dataset, judge: Judge, reference: Path) -> dict[str, Any]:
    record = evaluate(samples, None, stacked, judge, reference, SETTINGS, "")
    assert not record["absent"]
    found: dict[str, Any] = record["metrics"]
    return found


def test_held_out_images_have_every_mode(stacked: Dataset, stacked_judge: Judge, reference: Path) -> None:
    found = scores(stacked.heldout.images, stacked, stacked_judge, reference)
    assert found["modes"]["value"] >= 26
    assert found["mode_kl"]["value"] == pytest.approx(found["mode_kl"]["floor"])
    assert found["mode_kl"]["value"] < 0.3


def test_collapsed_samples_fail(stacked: Dataset, stacked_judge: Judge, reference: Path) -> None:
    """One image, and all modes with the same red digit: both lose modes, and the divergence is that of the shares."""
    assert stacked.train.labels is not None
    labels = stacked.train.labels
    one = scores(np.repeat(stacked.train.images[:1], COUNT, axis=0), stacked, stacked_judge, reference)
    assert one["modes"]["value"] == 1
    assert one["mode_kl"]["value"] > log(27) - 1
    assert one["modes"]["value"] < one["modes"]["floor"] and one["mode_kl"]["value"] > one["mode_kl"]["floor"]

    red_zero = stacked.train.images[labels < 9]
    third = scores(np.repeat(red_zero, 3, axis=0), stacked, stacked_judge, reference)
    assert third["modes"]["value"] <= 18  # 9, and those that the judge mistakes them for
    assert third["mode_kl"]["value"] == pytest.approx(log(3), abs=0.3)


def test_noise_gives_the_ceiling(stacked: Dataset, stacked_judge: Judge, reference: Path) -> None:
    noise = np.random.default_rng(0).integers(256, size=(COUNT, 3, 28, 28), dtype=np.uint8)
    found = scores(noise, stacked, stacked_judge, reference)
    assert found["modes"]["value"] < found["modes"]["floor"]
    assert found["modes"]["ceiling"] < found["modes"]["floor"]
    assert found["mode_kl"]["ceiling"] > found["mode_kl"]["floor"]
