"""A training keeps its generator after epochs that are powers of two."""

from pathlib import Path

import pytest

from ganpipe.data.dataset import Dataset
from ganpipe.sampling.generator import load_generator
from ganpipe.sampling.snapshots import find_snapshots, is_kept
from ganpipe.training.loop import train
from tests.methods.families import FAMILIES, training
from tests.training.runs import CPU, NEVER, RecordingCallback, settings


def test_epochs_that_are_powers_of_two_are_kept() -> None:
    assert [epoch for epoch in range(1, 100) if is_kept(epoch)] == [1, 2, 4, 8, 16, 32, 64]


@pytest.mark.parametrize("family", FAMILIES)
def test_snapshot_is_the_generator_of_a_training_that_ends_there(family: str, mnist: Dataset, tmp_path: Path) -> None:
    run = training(family, epochs=3)
    train(run, mnist, tmp_path / "long", RecordingCallback(), CPU, NEVER)
    kept = find_snapshots(tmp_path / "long" / "result")
    assert list(kept) == [1, 2]
    if run.depends_on_length:
        return
    train(training(family, epochs=2), mnist, tmp_path / "short", RecordingCallback(), CPU, NEVER)
    assert list(find_snapshots(tmp_path / "short" / "result")) == [1], "the last one is the generator itself"
    for name in ("generator.safetensors", "model.json"):
        assert (kept[2] / name).read_bytes() == (tmp_path / "short" / "result" / name).read_bytes()
    assert load_generator(kept[2]).sample(3).shape == (3, 1, 28, 28)


def test_diverged_training_leaves_no_snapshot(mnist: Dataset, tmp_path: Path) -> None:
    outcome, _ = train(settings(epochs=3, lr=1e30), mnist, tmp_path, RecordingCallback(), CPU, NEVER)
    assert outcome.status == "diverged"
    assert find_snapshots(tmp_path / "result") == {}


def test_interrupted_snapshot_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "snapshots" / ".00001.abcd.part").mkdir(parents=True)
    assert find_snapshots(tmp_path) == {}
