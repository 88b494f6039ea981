"""What a training of each class apart leaves of its classes."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganpipe.data.dataset import Dataset
from ganpipe.metrics.pixels import contrast
from ganpipe.sampling.generator import load_generator
from ganpipe.training.loop import train
from tests.methods.families import training
from tests.training.test_loop import CPU, Silent


@pytest.fixture(scope="module")
def result(mnist: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("work")
    train(training("per-class", epochs=5, panel_every=2, ema=None), mnist, work, Silent(), CPU, 1e9)
    return work / "result"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_every_epoch_has_a_row_for_every_class(result: Path, mnist: Dataset) -> None:
    found = rows(result / "classes.csv")
    assert [(int(row["epoch"]), row["class"]) for row in found] == [
        (epoch, name) for epoch in range(1, 6) for name in mnist.classes
    ]
    for name in ("loss_d", "loss_g"):
        means = [float(row[name]) for row in rows(result / "epochs.csv")]
        by_epoch = np.array([float(row[name]) for row in found]).reshape(5, 10)
        assert by_epoch.mean(1) == pytest.approx(means, rel=1e-5)
        assert by_epoch.std() > 0


def test_quality_follows_the_smoothed_loss_of_the_generator(result: Path) -> None:
    found = [row for row in rows(result / "classes.csv") if row["class"] == "3"]
    smoothed = float(found[0]["loss_g"])
    for row in found:
        smoothed = 0.7 * smoothed + 0.3 * float(row["loss_g"])
        assert float(row["smoothed_loss_g"]) == pytest.approx(smoothed, rel=1e-5)
        assert float(row["quality"]) == pytest.approx(min(1.0, math.exp(math.log(2) - smoothed)), rel=1e-5)


def test_real_images_are_measured_beside(result: Path, mnist: Dataset) -> None:
    assert mnist.train.labels is not None
    fives = mnist.train.images[mnist.train.labels == 5][:500]
    assert float(rows(result / "real_classes.csv")[5]["contrast"]) == pytest.approx(contrast(fives), rel=1e-6)


def test_panels_come_at_intervals_and_at_the_end(result: Path) -> None:
    assert sorted(path.name for path in (result / "panels").iterdir()) == [
        "epoch-0002.png", "epoch-0004.png", "epoch-0005.png",
    ]  # fmt: skip
    with Image.open(result / "panels" / "epoch-0005.png") as picture:
        assert picture.size == (2 * (2 * (8 * 30 + 2) + 6), 2 * (10 * 30 + 2))


def test_the_loaded_generators_make_what_was_trained_for_their_class(result: Path) -> None:
    """The last row of each class is measured on its own generator: the labels lead to it also after loading."""
    generator = load_generator(result)
    last = [float(row["contrast"]) for row in rows(result / "classes.csv")[-10:]]
    found = [contrast(generator.sample(64, np.full(64, label), seed=1)) for label in range(10)]
    assert found == pytest.approx(last, rel=0.1)


def test_other_methods_leave_no_such_files(mnist: Dataset, tmp_path: Path) -> None:
    train(training("gan", epochs=1), mnist, tmp_path, Silent(), CPU, 1e9)
    assert not {"classes.csv", "real_classes.csv", "panels"} & {path.name for path in (tmp_path / "result").iterdir()}
