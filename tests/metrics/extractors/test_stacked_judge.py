"""The judge of stacked images against its classifier of grey images, applied to each channel with plain NumPy."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ganpipe.common.types import ImageShape
from ganpipe.data.dataset import Dataset
from ganpipe.metrics.extractors.judge import Judge, load_judge, save_judge
from ganpipe.metrics.extractors.stacked_judge import stacked_weights, train_stacked_judge
from ganpipe.metrics.settings import JudgeSettings
from ganpipe.nets.classifier import FEATURES, Classifier

CLASSES, PER_CHANNEL = 3, FEATURES // 3


@pytest.mark.parametrize("depth", [0, 1])
def test_stacked_classifier_applies_the_grey_one_to_each_channel(depth: int) -> None:
    torch.manual_seed(0)
    single = Classifier(ImageShape(1, 28), CLASSES, width=4, depth=depth)
    single.project = torch.nn.Linear(single.project.in_features, PER_CHANNEL)
    single.head = torch.nn.Linear(PER_CHANNEL, CLASSES)
    for _ in range(3):  # other statistics and scales of batch normalisation than the initial ones
        single(torch.randn(20, 1, 28, 28))
    for layer in single.maps:
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.weight)
            torch.nn.init.normal_(layer.bias)
    stacked = Classifier(ImageShape(3, 28), CLASSES**3, width=12, depth=depth)
    stacked.load_state_dict(stacked_weights(single))
    single.eval()
    stacked.eval()

    images = torch.rand(8, 3, 28, 28) * 2 - 1
    with torch.no_grad():
        features, logits = stacked.features(images).numpy(), stacked(images).numpy()
        parts = [images[:, channel : channel + 1] for channel in range(3)]
        expected_features = np.concatenate([single.features(part).numpy() for part in parts], axis=1)
        red, green, blue = (softmax(single(part).numpy()) for part in parts)

    assert np.allclose(features[:, : 3 * PER_CHANNEL], expected_features, atol=1e-5)
    assert not features[:, 3 * PER_CHANNEL :].any()
    for n in range(8):
        products = [r * g * b for r in red[n] for g in green[n] for b in blue[n]]
        assert np.allclose(softmax(logits[n]), products, rtol=1e-3)


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    exponentials: NDArray[np.float32] = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def test_it_recognises_held_out_modes_and_passes_its_checks(stacked_judge: Judge) -> None:
    assert stacked_judge.task == "classes"
    assert stacked_judge.classes == 27
    assert stacked_judge.accuracy > 0.8  # of one channel: 0.93
    assert stacked_judge.checks.chance is not None and stacked_judge.checks.chance < 0.1
    assert not stacked_judge.objection


def test_it_is_saved_and_loaded_like_any_judge(stacked: Dataset, stacked_judge: Judge, tmp_path: Path) -> None:
    save_judge(stacked_judge, tmp_path / "judge")
    loaded = load_judge(tmp_path / "judge")
    images = torch.from_numpy(stacked.heldout.images[:5].copy())
    assert replace(loaded, network=stacked_judge.network) == stacked_judge
    with torch.no_grad():
        for ours, theirs in zip(stacked_judge(images), loaded(images), strict=True):
            assert torch.equal(ours, theirs)


def test_same_data_and_settings_give_the_same_judge(stacked: Dataset) -> None:
    settings = JudgeSettings(epochs=1, depth=0, width=4)
    before = torch.get_rng_state()
    first, second = (train_stacked_judge(stacked, settings) for _ in range(2))
    assert first.sha256 == second.sha256
    assert torch.equal(torch.get_rng_state(), before)
