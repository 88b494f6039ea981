import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.common.types import ImageShape
from ganpipe.data.dataset import Dataset, Split
from ganpipe.metrics.extractors.classifier_training import fit_classifier
from ganpipe.metrics.extractors.judge import Judge, load_judge, save_judge, train_judge
from ganpipe.metrics.settings import JudgeSettings
from ganpipe.nets.classifier import FEATURES, Classifier

QUICK = JudgeSettings(epochs=1, depth=0, width=4)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_judge_learns_from_six_hundred_digits(judge: Judge) -> None:
    assert judge.task == "classes"
    assert judge.accuracy > 0.85
    assert not judge.network.training


def test_same_data_and_settings_give_the_same_bytes(mnist: Dataset, tmp_path: Path) -> None:
    for name, seed in (("first", 1), ("second", 2)):
        torch.manual_seed(seed)  # must have no effect
        save_judge(train_judge(mnist, QUICK), tmp_path / name)

    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert train_judge(mnist, QUICK.model_copy(update={"seed": 1})).sha256 != load_judge(tmp_path / "first").sha256


def test_training_does_not_change_the_global_random_state(mnist: Dataset) -> None:
    before = torch.get_rng_state()

    train_judge(mnist, QUICK)

    assert torch.equal(torch.get_rng_state(), before)


def test_loaded_judge_equals_the_saved_one(judge: Judge, mnist: Dataset, tmp_path: Path) -> None:
    save_judge(judge, tmp_path / "judge")
    loaded = load_judge(tmp_path / "judge")
    images = torch.from_numpy(mnist.heldout.images[:5].copy())

    assert replace(loaded, network=judge.network) == judge
    with torch.no_grad():
        for ours, theirs in zip(judge(images), loaded(images), strict=True):
            assert torch.equal(ours, theirs)


def test_weights_that_differ_from_the_record_are_rejected(judge: Judge, tmp_path: Path) -> None:
    save_judge(judge, tmp_path)
    weights = bytearray((tmp_path / "judge.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "judge.safetensors").write_bytes(weights)

    with pytest.raises(UserError, match="Run the judge stage again"):
        load_judge(tmp_path)


def test_missing_judge_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"judge\.json: no such file"):
        load_judge(tmp_path)


def test_weak_judge_has_a_warning(judge: Judge) -> None:
    assert judge.warning == ""
    weak = replace(judge, accuracy=0.7, settings=JudgeSettings(min_accuracy=0.99))

    assert "0.7000" in weak.warning
    assert "0.99" in weak.warning


@pytest.mark.parametrize("classes", [(), ("zero",)])
def test_judge_learns_rotations_without_classes(mnist: Dataset, classes: tuple[str, ...]) -> None:
    labels = None if not classes else mnist.train.labels * 0
    few = replace(mnist, classes=classes, train=Split(mnist.train.images, labels), heldout=mnist.heldout)

    judge = train_judge(few, JudgeSettings(epochs=4, depth=0, batch_size=32))

    assert judge.task == "rotations"
    assert judge.classes == 4
    assert judge.accuracy > 0.6


def test_empty_split_is_rejected(mnist: Dataset) -> None:
    empty = replace(mnist, heldout=Split(mnist.heldout.images[:0], mnist.heldout.labels[:0]))

    with pytest.raises(UserError, match="600 and 0"):
        train_judge(empty, QUICK)


def test_training_does_not_copy_the_dataset() -> None:
    """A memory-mapped dataset may be larger than memory; this one only looks large."""
    images = np.broadcast_to(np.zeros((1, 3, 64, 64), dtype=np.uint8), (8000, 3, 64, 64))
    network = Classifier(ImageShape(3, 64), 4, width=1, depth=0)
    settings = JudgeSettings(epochs=1, depth=0, width=1, batch_size=500)
    labels = np.zeros(8000, dtype=np.int64)
    fit_classifier(network, Split(images[:500], labels[:500]), settings)  # imports what torch loads lazily

    tracemalloc.start()
    fit_classifier(network, Split(images, labels), settings)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < images.nbytes / 4


def test_progress_is_reported_after_every_step(mnist: Dataset) -> None:
    calls = []

    train_judge(mnist, QUICK.model_copy(update={"batch_size": 100}), lambda done, total: calls.append((done, total)))

    assert calls == [(step, 6) for step in range(1, 7)]


@pytest.mark.parametrize("size", [8, 17, 64])
def test_classifier_accepts_any_image_size(size: int) -> None:
    network = Classifier(ImageShape(3, size), 7, width=4, depth=1).eval()
    images = torch.zeros(2, 3, size, size)

    assert network.features(images).shape == (2, FEATURES)
    assert network(images).shape == (2, 7)
