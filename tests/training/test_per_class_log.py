"""The per-class results of the method `per_class`."""

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganpipe.common.fixed_sample import spread_indices
from ganpipe.data.dataset import Dataset, Split
from ganpipe.metrics.pixels import contrast
from ganpipe.sampling.generator import load_generator
from ganpipe.training.loop import train
from tests.methods.families import training
from tests.training.runs import CPU, NEVER, RecordingCallback


@pytest.fixture(scope="module")
def result(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("work")
    run = training("per-class", epochs=5, panel_every=2, ema=None, lr=0.01)  # the classes differ visibly
    train(run, mnist, work, RecordingCallback(), CPU, NEVER)
    return work / "result"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_every_epoch_has_a_row_for_every_class(result: Path, mnist: Dataset) -> None:
    found = rows(result / "classes.csv")
    assert [(row["epoch"], row["class"]) for row in found] == [
        (str(epoch), name) for epoch in range(1, 6) for name in mnist.classes
    ]
    for name in ("loss_d", "loss_g"):
        means = [float(row[name]) for row in rows(result / "epochs.csv")]
        by_epoch = np.array([float(row[name]) for row in found]).reshape(5, 10)
        assert by_epoch.mean(1) == pytest.approx(means, rel=1e-5)
        assert by_epoch.std() > 0


def test_quality_follows_the_smoothed_generator_loss(result: Path) -> None:
    found = [row for row in rows(result / "classes.csv") if row["class"] == "3"]
    smoothed = float(found[0]["loss_g"])
    for row in found:
        smoothed = 0.7 * smoothed + 0.3 * float(row["loss_g"])
        assert float(row["smoothed_loss_g"]) == pytest.approx(smoothed, rel=1e-5)
        assert float(row["quality"]) == pytest.approx(min(1.0, math.exp(math.log(2) - smoothed)), rel=1e-5)


def test_real_images_of_each_class_are_measured(result: Path, mnist: Dataset) -> None:
    assert mnist.train.labels is not None
    fives = mnist.train.images[mnist.train.labels == 5]
    assert 2 < len(fives) < 500
    assert float(rows(result / "real_classes.csv")[5]["contrast"]) == pytest.approx(contrast(fives), rel=1e-6)


def test_measured_real_images_are_spread_over_their_class(mnist: Dataset, tmp_path: Path) -> None:
    levels = np.arange(800) * 255 // 799
    images = np.zeros((800, 1, 28, 28), np.uint8)
    images[:, :, :, ::2] = levels.astype(np.uint8).reshape(-1, 1, 1, 1)
    dataset = replace(mnist, train=Split(images, np.zeros(800, np.int64)), classes=("stripes",))
    train(training("per-class", epochs=1), dataset, tmp_path, RecordingCallback(), CPU, NEVER)
    expected = contrast(images[spread_indices(800, 500)])
    assert abs(contrast(images[:500]) / expected - 1) > 0.3
    assert float(rows(tmp_path / "result" / "real_classes.csv")[0]["contrast"]) == pytest.approx(expected, rel=1e-6)


def test_panels_are_drawn_at_intervals_and_at_the_end(result: Path) -> None:
    assert sorted(path.name for path in (result / "panels").iterdir()) == [
        "epoch-0002.png", "epoch-0004.png", "epoch-0005.png",
    ]  # fmt: skip
    with Image.open(result / "panels" / "epoch-0005.png") as image:
        assert image.size == (2 * (2 * (8 * 30 + 2) + 6), 2 * (10 * 30 + 2))


def test_loaded_generators_generate_the_class_they_were_trained_on(result: Path) -> None:
    """The last row of each class measures its own generator: labels select it after loading as well."""
    generator = load_generator(result)
    last = [float(row["contrast"]) for row in rows(result / "classes.csv")[-10:]]
    found = [contrast(generator.sample(64, np.full(64, label), seed=1)) for label in range(10)]
    assert found == pytest.approx(last, rel=0.1, abs=3e-4)
    assert np.std(last) > 1e-3


def test_other_methods_write_no_per_class_results(mnist: Dataset, tmp_path: Path) -> None:
    train(training("gan", epochs=1), mnist, tmp_path, RecordingCallback(), CPU, NEVER)
    assert not {"classes.csv", "real_classes.csv", "panels"} & {path.name for path in (tmp_path / "result").iterdir()}
