"""A training is a pure function: the same inputs give the same bits; failed trainings are results."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ganpipe.common import distributed
from ganpipe.common.errors import UserError
from ganpipe.common.fixed_sample import spread_indices
from ganpipe.common.hashing import file_digest
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset, Split
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.gan import Gan
from ganpipe.sampling.generator import load_generator
from ganpipe.training.fixed_noise import FIXED_IMAGES
from ganpipe.training.loop import train
from tests.methods.families import training
from tests.training.runs import CPU, NETWORKS, NEVER, RecordingCallback, contents, folder, settings


@pytest.mark.parametrize("network", NETWORKS)
def test_same_inputs_give_the_same_bits(network: str, mnist: Dataset, tmp_path: Path) -> None:
    results = []
    for name in ("first", "second"):
        work = folder(tmp_path / name)
        train(settings(network), mnist, work, RecordingCallback(), CPU, NEVER)
        results.append(contents(work / "result"))
    assert results[0] == results[1]
    assert set(results[0]) == {
        "generator.safetensors",
        "model.json",
        "history.csv",
        "epochs.csv",
        "status.json",
        "progress/epoch-0001.png",
        "progress/epoch-0002.png",
        "snapshots/00001/generator.safetensors",
        "snapshots/00001/model.json",
    }


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("steps", [(1,), (4, 3), (6,), (7, 1, 2), (11,)])
def test_resumed_training_gives_the_same_bits(
    network: str, steps: tuple[int, ...], mnist: Dataset, tmp_path: Path
) -> None:
    """Interruptions at any step, several times; test_resume_boundaries.py interrupts between steps."""
    uninterrupted = folder(tmp_path / "uninterrupted")
    train(settings(network), mnist, uninterrupted, RecordingCallback(), CPU, NEVER)
    work = folder(tmp_path / "interrupted")
    for step in steps:
        with pytest.raises(KeyboardInterrupt):
            train(settings(network), mnist, work, RecordingCallback(interrupt_at=step), CPU, 0.0)
        torch.manual_seed(99)  # another process would have other random states
    callback = RecordingCallback()
    train(settings(network), mnist, work, callback, CPU, 0.0)
    assert callback.starts[0][0] > 0 or sum(steps) == 1
    assert contents(work / "result") == contents(uninterrupted / "result")


def test_another_seed_gives_other_weights(mnist: Dataset, tmp_path: Path) -> None:
    weights = []
    for seed in (0, 1):
        work = folder(tmp_path / str(seed))
        train(settings(seed=seed, epochs=1), mnist, work, RecordingCallback(), CPU, NEVER)
        weights.append((work / "result" / "generator.safetensors").read_bytes())
    assert weights[0] != weights[1]


def test_every_step_and_epoch_is_recorded(mnist: Dataset, tmp_path: Path) -> None:
    callback = RecordingCallback()
    outcome, seconds = train(settings(), mnist, tmp_path, callback, CPU, NEVER)
    lines = (tmp_path / "result" / "history.csv").read_text().splitlines()
    assert lines[0] == "step,epoch,images,loss_d,loss_g,d_real,d_fake_1,d_fake_2,acc_real,acc_fake"
    assert len(lines) == 1 + 12
    assert lines[12].startswith("12,2,600,")
    epochs = (tmp_path / "result" / "epochs.csv").read_text().splitlines()
    assert epochs[0].endswith("acc_fake,sharpness,contrast,diversity")
    assert len(epochs) == 3
    assert callback.starts == [(0, 600)] and callback.steps == 12
    assert (outcome.steps, outcome.epochs, outcome.images) == (12, 2, 600)
    assert (outcome.images_per_step, outcome.steps_per_epoch) == (50, 6)
    assert seconds > 0


def test_epoch_means_are_those_of_its_steps(mnist: Dataset, tmp_path: Path) -> None:
    callback = RecordingCallback()
    train(settings(), mnist, tmp_path, callback, CPU, NEVER)
    for epoch in (1, 2):
        steps = [row for row in callback.history if row["epoch"] == epoch]
        assert len(steps) == 6
        for name in callback.history.scalar_names:
            assert callback.epochs[epoch - 1][name] == pytest.approx(np.mean([row[name] for row in steps]), rel=1e-6)


def test_callbacks_receive_every_row_once(mnist: Dataset, tmp_path: Path) -> None:
    """All rows so far at the first epoch after a start or resume, then only the new ones; as in the CSV files."""

    class EpochRows(RecordingCallback):
        def __init__(self, interrupt_at: int | None = None) -> None:
            super().__init__(interrupt_at)
            self.received: list[tuple[list[Any], list[Any]]] = []

        def on_epoch(self, history: Any, epochs: Any) -> None:
            self.received.append(([row["step"] for row in history], [row["epoch"] for row in epochs]))
            super().on_epoch(history, epochs)

    first, second = EpochRows(interrupt_at=15), EpochRows()
    with pytest.raises(KeyboardInterrupt):
        train(settings(epochs=4), mnist, tmp_path, first, CPU, 0.0)
    train(settings(epochs=4), mnist, tmp_path, second, CPU, 0.0)
    assert first.received == [(list(range(1, 7)), [1]), (list(range(7, 13)), [2])]
    assert second.received == [(list(range(1, 19)), [1, 2, 3]), (list(range(19, 25)), [4])]
    for name, rows in (("history.csv", second.history), ("epochs.csv", second.epochs)):
        lines = [",".join(f"{value:.7g}" for value in row.values()) for row in rows]
        assert (tmp_path / "result" / name).read_text().splitlines()[1:] == lines


def test_generator_is_rebuilt_from_its_files(mnist: Dataset, tmp_path: Path) -> None:
    train(settings(), mnist, tmp_path, RecordingCallback(), CPU, NEVER)
    generator = load_generator(tmp_path / "result")
    images = generator.sample(300, seed=5)
    assert images.shape == (300, 1, 28, 28) and images.dtype == "uint8"
    # batches of another size may round differently
    assert (images[:FIXED_IMAGES] == generator.sample(FIXED_IMAGES, seed=5)).mean() > 0.999
    assert (images != generator.sample(300, seed=6)).any()


def test_divergence_is_a_result(mnist: Dataset, tmp_path: Path) -> None:
    outcome, _ = train(settings(lr=100.0, epochs=20), mnist, tmp_path, RecordingCallback(), CPU, NEVER)
    assert outcome.status == "diverged"
    assert outcome.reason.startswith("at step 6: loss_")
    status = json.loads((tmp_path / "result" / "status.json").read_text())
    assert status["status"] == "diverged" and status["steps"] == 6
    assert not (tmp_path / "result" / "generator.safetensors").exists()
    assert len((tmp_path / "result" / "history.csv").read_text().splitlines()) == 7


def test_collapse_is_a_result(mnist: Dataset, tmp_path: Path) -> None:
    # a learning rate of almost zero leaves the generator as it was: the same grey for all noise
    outcome, _ = train(settings(lr=1e-12, epochs=1), mnist, tmp_path, RecordingCallback(), CPU, NEVER)
    assert outcome.status == "collapsed"
    assert "differ only" in outcome.reason


@pytest.mark.parametrize("stop_early", [False, True])
def test_collapse_is_measured_against_images_of_all_classes(stop_early: bool, mnist: Dataset, tmp_path: Path) -> None:
    """Image folders are sorted by class: here the first class is blank, and a collapsed generator must not pass."""
    blank = np.zeros((100, 1, 28, 28), np.uint8)
    images = np.concatenate([blank, mnist.train.images[:200]])
    dataset = replace(mnist, train=Split(images, np.repeat([0, 1], [100, 200])), classes=("blank", "digit"))
    run = settings(lr=1e-12, epochs=2, stop_early=stop_early)
    outcome, _ = train(run, dataset, tmp_path, RecordingCallback(), CPU, NEVER)
    assert (outcome.status, outcome.epochs) == ("collapsed", 1 if stop_early else 2)


def test_critic_steps_get_a_batch_each(mnist: Dataset, tmp_path: Path) -> None:
    outcome, _ = train(training("critic", epochs=1), mnist, tmp_path, RecordingCallback(), CPU, NEVER)
    assert (outcome.steps, outcome.images) == (3, 150)  # 2 batches of 25 per step
    assert (outcome.images_per_step, outcome.steps_per_epoch) == (50, 3)
    assert (tmp_path / "result" / "history.csv").read_text().splitlines()[1].startswith("1,1,50,")


@pytest.mark.parametrize("family", ["bigan", "vae"])
@pytest.mark.parametrize(("heldout", "rows"), [(200, 4), (32, 4), (31, 4), (20, 3), (8, 1), (1, 1)])
def test_reconstructions_of_any_number_of_heldout_images(
    family: str, heldout: int, rows: int, mnist: Dataset, tmp_path: Path
) -> None:
    images = mnist.heldout.images[:heldout]
    dataset = replace(mnist, heldout=Split(images, None))
    train(training(family, epochs=1), dataset, tmp_path, RecordingCallback(), CPU, NEVER)
    with Image.open(tmp_path / "result" / "reconstructions.png") as image:
        assert image.size == (8 * 30 + 2, 2 * rows * 30 + 2)  # each row above its reconstructions
        grid = np.asarray(image)
    shown = [grid[2 + 60 * row :][:28, 2 + 30 * column :][:, :28] for row in range(rows) for column in range(8)]
    real = {image.tobytes() for image in images}
    count = min(heldout, 32)
    assert len({cell.tobytes() for cell in shown[:count]}) == count
    assert all(cell.tobytes() in real for cell in shown[:count])
    assert all((cell == 255).all() for cell in shown[count:])


def test_reconstructed_images_are_spread_over_the_split(mnist: Dataset, tmp_path: Path) -> None:
    levels = np.repeat(np.arange(200, dtype=np.uint8), 28 * 28).reshape(200, 1, 28, 28)
    dataset = replace(mnist, heldout=Split(levels, None))
    train(training("vae", epochs=1), dataset, tmp_path, RecordingCallback(), CPU, NEVER)
    with Image.open(tmp_path / "result" / "reconstructions.png") as image:
        grid = np.asarray(image)
    shown = sorted(int(grid[2 + 60 * row, 2 + 30 * column]) for row in range(4) for column in range(8))
    assert shown == spread_indices(200, 32).tolist()


def test_pretrained_generator_is_copied(mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    work = folder(tmp_path / "first")
    train(training("conditional"), mnist, work, RecordingCallback(), CPU, NEVER)
    original = work / "result"
    run = pretrained(weights="first/result", weights_sha256=file_digest(original / "generator.safetensors"))
    outcome, _ = train(run, mnist, folder(tmp_path / "second"), RecordingCallback(), CPU, NEVER)
    assert (outcome.steps, outcome.epochs, outcome.images_per_step) == (0, 0, 0)
    copy = tmp_path / "second" / "result"
    assert (copy / "model.json").read_bytes() == (original / "model.json").read_bytes()
    assert (load_generator(copy).sample(20, seed=1) == load_generator(original).sample(20, seed=1)).all()
    assert (copy / "history.csv").read_text() == "step,epoch,images\n"
    with pytest.raises(UserError, match="changed"):
        run = pretrained(weights="first/result", weights_sha256="0")
        train(run, mnist, folder(tmp_path / "third"), RecordingCallback(), CPU, NEVER)


def pretrained(**changes: Any) -> Training:
    return settings(method="pretrained").model_copy(update=changes)


def test_stop_early_ends_a_failed_training(mnist: Dataset, tmp_path: Path) -> None:
    for stop_early, epochs in ((True, 1), (False, 3)):
        run = settings(lr=1e-12, epochs=3, stop_early=stop_early)
        outcome, _ = train(run, mnist, folder(tmp_path / str(stop_early)), RecordingCallback(), CPU, NEVER)
        assert (outcome.status, outcome.epochs) == ("collapsed", epochs)


@pytest.mark.parametrize(("loss", "status", "epochs"), [("bce", "saturated", 1), ("hinge", "ok", 2)])
def test_objective_decides_whether_a_perfect_discriminator_stops_the_training(
    loss: str, status: str, epochs: int, mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Gan.step

    def perfect(gan: Gan, images: Tensor, labels: Tensor | None) -> Scalars:
        return step(gan, images, labels) | {"acc_real": torch.tensor(1.0), "acc_fake": torch.tensor(1.0)}

    monkeypatch.setattr(Gan, "step", perfect)
    run = settings("mlp", loss=loss, stop_early=True, lr=3e-3)
    outcome, _ = train(run, mnist, tmp_path, RecordingCallback(), CPU, NEVER)
    assert (outcome.status, outcome.epochs) == (status, epochs)


def test_run_resumed_between_epochs_stops_early_as_well(mnist: Dataset, tmp_path: Path) -> None:
    run = settings(lr=1e-12, epochs=3, stop_early=True)
    uninterrupted, resumed = folder(tmp_path / "uninterrupted"), folder(tmp_path / "resumed")
    train(run, mnist, uninterrupted, RecordingCallback(), CPU, NEVER)
    for _ in range(2):  # the checkpoint is that of the end of epoch 1
        train(run, mnist, resumed, RecordingCallback(), CPU, NEVER)
    assert contents(resumed / "result") == contents(uninterrupted / "result")


def test_second_of_two_processes_trains_on_its_share_and_writes_nothing(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, shares, seeds = list[Tensor](), list[Tensor](), []
    step = Gan.step

    def recorded(batches: list[Tensor]) -> Callable[..., Scalars]:
        def record(gan: Gan, images: Tensor, labels: Tensor | None) -> Scalars:
            batches.append(images)
            return step(gan, images, labels)

        return record

    monkeypatch.setattr(Gan, "step", recorded(whole))
    train(settings(epochs=1), mnist, folder(tmp_path / "alone"), RecordingCallback(), CPU, 0.0)
    monkeypatch.setattr(Gan, "step", recorded(shares))
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(distributed, "_all_reduce_mean", lambda tensors: None)  # there is no other process
    monkeypatch.setattr(distributed, "seed_this_rank", lambda seed, at: seeds.append((seed, at)))
    callback, work = RecordingCallback(), folder(tmp_path / "second")
    outcome, _ = train(settings(epochs=1, processes=2), mnist, work, callback, CPU, 0.0)
    assert len(whole) == len(shares) == 6
    for images, share in zip(whole, shares, strict=True):
        assert torch.equal(share, images[1::2])
    assert seeds == [(3, number) for number in range(6)]
    assert (outcome.steps, outcome.images) == (6, 300) and callback.starts == [(0, 300)]
    assert not list(work.iterdir())


def test_every_step_is_announced_with_its_number_and_the_total(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced: list[tuple[int, int]] = []
    monkeypatch.setattr(Gan, "set_step", lambda _self, *numbers: announced.append(numbers))
    work = folder(tmp_path / "work")
    with pytest.raises(KeyboardInterrupt):
        train(settings(), mnist, work, RecordingCallback(interrupt_at=8), CPU, 0.0)
    train(settings(), mnist, work, RecordingCallback(), CPU, 0.0)
    # Step 8 ends before its checkpoint, so it is repeated.
    assert announced == [(step, 12) for step in [*range(8), *range(7, 12)]]
