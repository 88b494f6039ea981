"""Judges trained on small datasets, and a stand-in for the published Inception weights."""

import io
from pathlib import Path

import pytest
import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from ganpipe.data.dataset import Dataset, load
from ganpipe.data.settings import DatasetSettings
from ganpipe.data.stacked import prepare_stacked
from ganpipe.metrics.extractors.judge import Judge, train_judge
from ganpipe.metrics.extractors.stacked_judge import train_stacked_judge
from ganpipe.metrics.settings import JudgeSettings


@pytest.fixture(scope="session")
def judge(mnist: Dataset) -> Judge:
    return train_judge(mnist, JudgeSettings(epochs=8, batch_size=32, depth=0))


@pytest.fixture(scope="session")
def stacked(mnist_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Stacks of three of the digits 0, 1 and 7: 27 modes."""
    folder = tmp_path_factory.mktemp("prepared") / "stacked"
    prepare_stacked("stacked", mnist_raw, DatasetSettings(source="mnist", size=28, labels=(0, 1, 7)), folder)
    return load(folder)


@pytest.fixture(scope="session")
def stacked_judge(stacked: Dataset) -> Judge:
    return train_stacked_judge(stacked, JudgeSettings(epochs=8, batch_size=20, depth=0, width=8))


@pytest.fixture(scope="session")
def stand_in_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the names and shapes of the published weights, and random values."""
    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with pytest.MonkeyPatch.context() as patch, torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        patch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
        network = FeatureExtractorInceptionV3("stand-in", ["2048"], nothing)
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(network.state_dict(), path)
    return path
