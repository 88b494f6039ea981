"""Trainings on fewer images than a batch, and classes of one image."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ganpipe.common.errors import UserError
from ganpipe.common.types import ImageShape
from ganpipe.data.dataset import Dataset, Split
from ganpipe.training.loop import train
from tests.methods.families import training
from tests.training.runs import CPU, NEVER, RecordingCallback, settings


def few(mnist: Dataset, count: int, classes: int = 0) -> Dataset:
    """Return the dataset with few training images, with or without labels 0, 1, ..., in turn."""
    labels = np.arange(count) % classes if classes else None
    names = mnist.classes[:classes]
    return replace(mnist, train=Split(mnist.train.images[:count], labels), classes=names, shape=ImageShape(1, 28))


def test_fewer_images_than_the_batch_size_are_reported_and_recorded(
    mnist: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome, _ = train(settings(batch_size=128), few(mnist, 100), tmp_path, RecordingCallback(), CPU, NEVER)
    assert capsys.readouterr().err == (
        "batch_size: mnist has too few training images for 128 images per step. Each step uses 100.\n"
    )
    assert (outcome.steps, outcome.images_per_step, outcome.steps_per_epoch) == (2, 100, 1)
    assert json.loads((tmp_path / "result" / "status.json").read_text())["images_per_step"] == 100


def test_enough_images_are_not_reported(mnist: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(settings(batch_size=128), few(mnist, 128), tmp_path / "gan", RecordingCallback(), CPU, NEVER)
    # a batch that is no multiple of the classes is rounded down, whatever the size of the data
    train(training("per-class", batch_size=45), mnist, tmp_path / "per-class", RecordingCallback(), CPU, NEVER)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("family", ["critic", "per-class"])
def test_too_few_images_for_the_critic_steps_are_rejected(family: str, mnist: Dataset, tmp_path: Path) -> None:
    dataset = few(mnist, 6, classes=2)
    images = 3 if family == "per-class" else 6
    with pytest.raises(
        UserError, match=rf"critic_steps: 7 .* mnist has only {images} .*Set critic_steps to at most {images}"
    ):
        train(training(family, critic_steps=7), dataset, tmp_path, RecordingCallback(), CPU, NEVER)
    assert not (tmp_path / "result").exists()
    outcome, _ = train(training(family, critic_steps=images), dataset, tmp_path, RecordingCallback(), CPU, NEVER)
    assert outcome.status != "diverged"


def test_class_with_one_training_image_is_trained(mnist: Dataset, tmp_path: Path) -> None:
    labels = np.array([0] * 30 + [1])
    dataset = replace(mnist, train=Split(mnist.train.images[:31], labels), classes=("many", "one"))
    train(training("per-class"), dataset, tmp_path, RecordingCallback(), CPU, NEVER)
    real = (tmp_path / "result" / "real_classes.csv").read_text().splitlines()
    assert real[2].startswith("one,") and real[2].endswith(",nan")  # there is no pair of images to compare
    assert "nan" not in real[1] and "nan" not in (tmp_path / "result" / "classes.csv").read_text()
