from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ganpipe.common.errors import UserError
from ganpipe.data.dataset import Dataset, Split
from ganpipe.metrics.extractors.judge import Judge, load_judge, save_judge, train_judge
from ganpipe.metrics.settings import JudgeSettings

QUICK = JudgeSettings(epochs=1, depth=0, width=4)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_learns_digits_from_six_hundred_of_them(judge: Judge) -> None:
    assert judge.task == "classes"
    assert judge.accuracy > 0.85
    assert not judge.network.training


def test_the_same_data_and_settings_give_the_same_bytes(mnist: Dataset, tmp_path: Path) -> None:
    for name, seed in (("first", 1), ("second", 2)):
        torch.manual_seed(seed)  # of no effect
        save_judge(train_judge(mnist, QUICK), tmp_path / name)

    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert train_judge(mnist, QUICK.model_copy(update={"seed": 1})).sha256 != load_judge(tmp_path / "first").sha256


def test_training_leaves_the_random_state_alone(mnist: Dataset) -> None:
    before = torch.get_rng_state()

    train_judge(mnist, QUICK)

    assert torch.equal(torch.get_rng_state(), before)


def test_a_saved_judge_comes_back_whole(judge: Judge, mnist: Dataset, tmp_path: Path) -> None:
    save_judge(judge, tmp_path / "judge")
    loaded = load_judge(tmp_path / "judge")
    images = torch.from_numpy(mnist.heldout.images[:5].copy())

    assert replace(loaded, network=judge.network) == judge
    with torch.no_grad():
        for ours, theirs in zip(judge(images), loaded(images), strict=True):
            assert torch.equal(ours, theirs)


def test_other_weights_than_the_recorded_ones_are_refused(judge: Judge, tmp_path: Path) -> None:
    save_judge(judge, tmp_path)
    weights = bytearray((tmp_path / "judge.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "judge.safetensors").write_bytes(weights)

    with pytest.raises(UserError, match="run the judge stage again"):
        load_judge(tmp_path)


def test_a_judge_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"judge\.json is missing"):
        load_judge(tmp_path)


def test_a_weak_judge_is_kept_with_a_warning(judge: Judge) -> None:
    assert judge.warning == ""
    weak = replace(judge, accuracy=0.7, settings=JudgeSettings(min_accuracy=0.99))

    assert "0.7000" in weak.warning
    assert "0.99" in weak.warning


@pytest.mark.parametrize("classes", [(), ("zero",)])
def test_without_classes_to_tell_apart_it_learns_rotations(mnist: Dataset, classes: tuple[str, ...]) -> None:
    labels = None if not classes else mnist.train.labels * 0
    few = replace(mnist, classes=classes, train=Split(mnist.train.images, labels), heldout=mnist.heldout)

    judge = train_judge(few, JudgeSettings(epochs=4, depth=0, batch_size=32))

    assert judge.task == "rotations"
    assert judge.classes == 4
    assert judge.accuracy > 0.6


def test_an_empty_split_is_refused(mnist: Dataset) -> None:
    empty = replace(mnist, heldout=Split(mnist.heldout.images[:0], mnist.heldout.labels[:0]))

    with pytest.raises(UserError, match="600 and 0"):
        train_judge(empty, QUICK)


def test_progress_ends_with_the_last_step(mnist: Dataset) -> None:
    seen = []

    train_judge(mnist, QUICK.model_copy(update={"batch_size": 100}), lambda done, total: seen.append((done, total)))

    assert seen == [(step, 6) for step in range(1, 7)]


@pytest.mark.parametrize("size", [8, 17, 64])
def test_any_size_and_colour_is_judged(size: int) -> None:
    from ganpipe.common.types import ImageShape
    from ganpipe.nets.classifier import FEATURES, Classifier

    network = Classifier(ImageShape(3, size), 7, width=4, depth=1).eval()
    images = torch.zeros(2, 3, size, size)

    assert network.features(images).shape == (2, FEATURES)
    assert network(images).shape == (2, 7)
