"""The training is a pure function: same inputs, same bits, whatever interrupts it; failures of learning are results."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from ganpipe.common import distributed
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import file_digest
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.gan import Gan
from ganpipe.sampling.generator import load_generator
from ganpipe.training.loop import FIXED_NOISE, train
from tests.methods.families import FAMILIES, training

CPU = torch.device("cpu")
NETWORKS: dict[str, dict[str, Any]] = {
    "dcgan": {"generator": {"width": 4}, "discriminator": {"width": 4}},
    "mlp": {"generator": {"hidden": (32,), "dropout": 0.3}, "discriminator": {"hidden": (32,), "dropout": 0.3}},
}


class Silent:
    """An observer that keeps what it is told."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stop_at, self.steps, self.begun = stop_at, 0, []
        self.epochs: list[Mapping[str, float]] = []

    def start(self, done: int, total: int) -> None:
        self.begun.append((done, total))

    def step(self, images: int) -> None:
        self.steps += 1
        if self.steps == self.stop_at:
            raise KeyboardInterrupt

    def epoch(self, history: Sequence[Mapping[str, float]], epochs: Sequence[Mapping[str, float]]) -> None:
        self.epochs = list(epochs)


def settings(network: str = "dcgan", **changes: Any) -> Training:
    values: dict[str, Any] = {
        "dataset": "mnist",
        "network": network,
        "latent": 16,
        "lr": 1e-3,
        "batch_size": 50,
        "epochs": 2,
        "ema": 0.9,
        "seed": 3,
        "threads": 1,
        "images": 300,
        **NETWORKS[network],
    }
    return Training.model_validate(values | changes)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("network", NETWORKS)
def test_same_inputs_same_bits(network: str, mnist: Dataset, tmp_path: Path) -> None:
    results = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        train(settings(network), mnist, tmp_path / name, Silent(), CPU, 1e9)
        results.append(contents(tmp_path / name / "result"))
    assert results[0] == results[1]
    assert set(results[0]) == {
        "generator.safetensors",
        "model.json",
        "history.csv",
        "epochs.csv",
        "status.json",
        "progress/epoch-0001.png",
        "progress/epoch-0002.png",
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_resumes_to_the_same_bits(family: str, mnist: Dataset, tmp_path: Path) -> None:
    run = training(family)
    (tmp_path / "alone").mkdir()
    train(run, mnist, tmp_path / "alone", Silent(), CPU, 1e9)
    work = tmp_path / "stopped"
    work.mkdir()
    for stop in (2, 2):
        with pytest.raises(KeyboardInterrupt):
            train(run, mnist, work, Silent(stop_at=stop), CPU, 0.0)
        torch.manual_seed(99)  # another process would have other random numbers
    train(run, mnist, work, Silent(), CPU, 0.0)
    assert contents(work / "result") == contents(tmp_path / "alone" / "result")


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("stops", [(1,), (4, 3), (6,), (7, 1, 2), (11,)])
def test_interrupted_and_resumed_equals_left_alone(
    network: str, stops: tuple[int, ...], mnist: Dataset, tmp_path: Path
) -> None:
    (tmp_path / "alone").mkdir()
    train(settings(network), mnist, tmp_path / "alone", Silent(), CPU, 1e9)
    work = tmp_path / "stopped"
    work.mkdir()
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            train(settings(network), mnist, work, Silent(stop_at=stop), CPU, 0.0)
        torch.manual_seed(99)  # another process would have other random numbers
    last = Silent()
    train(settings(network), mnist, work, last, CPU, 0.0)
    assert last.begun[0][0] > 0 or sum(stops) == 1
    assert contents(work / "result") == contents(tmp_path / "alone" / "result")


def test_another_seed_gives_another_result(mnist: Dataset, tmp_path: Path) -> None:
    weights = []
    for seed in (0, 1):
        work = tmp_path / str(seed)
        work.mkdir()
        train(settings(seed=seed, epochs=1), mnist, work, Silent(), CPU, 1e9)
        weights.append((work / "result" / "generator.safetensors").read_bytes())
    assert weights[0] != weights[1]


def test_records_every_step_and_epoch(mnist: Dataset, tmp_path: Path) -> None:
    observer = Silent()
    outcome, seconds = train(settings(), mnist, tmp_path, observer, CPU, 1e9)
    lines = (tmp_path / "result" / "history.csv").read_text().splitlines()
    assert lines[0] == "step,epoch,images,loss_d,loss_g,d_real,d_fake_1,d_fake_2,acc_real,acc_fake"
    assert len(lines) == 1 + 12
    assert lines[12].startswith("12,2,600,")
    epochs = (tmp_path / "result" / "epochs.csv").read_text().splitlines()
    assert epochs[0].endswith("acc_fake,sharpness,contrast,diversity")
    assert len(epochs) == 3
    assert observer.begun == [(0, 600)]
    assert len(observer.epochs) == 2
    assert (outcome.steps, outcome.epochs, outcome.images) == (12, 2, 600)
    assert seconds > 0


def test_the_generator_is_rebuilt_from_its_files(mnist: Dataset, tmp_path: Path) -> None:
    train(settings(), mnist, tmp_path, Silent(), CPU, 1e9)
    generator = load_generator(tmp_path / "result")
    images = generator.sample(300, seed=5)
    assert images.shape == (300, 1, 28, 28) and images.dtype == "uint8"
    assert (images[:FIXED_NOISE] == generator.sample(FIXED_NOISE, seed=5)).mean() > 0.999  # batches may round apart
    assert (images != generator.sample(300, seed=6)).any()


def test_divergence_is_a_result(mnist: Dataset, tmp_path: Path) -> None:
    outcome, _ = train(settings(lr=100.0, epochs=20), mnist, tmp_path, Silent(), CPU, 1e9)
    assert outcome.status == "diverged"
    assert outcome.reason.startswith("at step 6: loss_")
    status = json.loads((tmp_path / "result" / "status.json").read_text())
    assert status["status"] == "diverged" and status["steps"] == 6
    assert not (tmp_path / "result" / "generator.safetensors").exists()
    assert len((tmp_path / "result" / "history.csv").read_text().splitlines()) == 7


def test_collapse_is_named(mnist: Dataset, tmp_path: Path) -> None:
    # a learning rate of nearly zero leaves the generator where it began: the same grey for every noise
    outcome, _ = train(settings(lr=1e-12, epochs=1), mnist, tmp_path, Silent(), CPU, 1e9)
    assert outcome.status == "collapsed"
    assert "differ only" in outcome.reason


def test_a_critic_sees_as_many_batches_as_it_takes_steps(mnist: Dataset, tmp_path: Path) -> None:
    outcome, _ = train(training("critic", epochs=1), mnist, tmp_path, Silent(), CPU, 1e9)
    assert (outcome.steps, outcome.images) == (3, 150)  # 2 batches of 25 a step
    assert (tmp_path / "result" / "history.csv").read_text().splitlines()[1].startswith("1,1,50,")


@pytest.mark.parametrize("family", ["bigan", "vae"])
def test_encoders_leave_reconstructions(family: str, mnist: Dataset, tmp_path: Path) -> None:
    train(training(family, epochs=1), mnist, tmp_path, Silent(), CPU, 1e9)
    with Image.open(tmp_path / "result" / "reconstructions.png") as picture:
        assert picture.size == (8 * 30 + 2, 8 * 30 + 2)  # 4 rows of held-out images, each above its reconstructions


def test_a_generator_made_before_is_taken_as_it_is(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    (tmp_path / "first").mkdir()
    train(training("conditional"), mnist, tmp_path / "first", Silent(), CPU, 1e9)
    made = tmp_path / "first" / "result"
    (tmp_path / "second").mkdir()
    taken = pretrained(weights="first/result", weights_sha256=file_digest(made / "generator.safetensors"))
    outcome, _ = train(taken, mnist, tmp_path / "second", Silent(), CPU, 1e9)
    assert (outcome.steps, outcome.epochs) == (0, 0)
    again = tmp_path / "second" / "result"
    assert (again / "model.json").read_bytes() == (made / "model.json").read_bytes()
    assert (load_generator(again).sample(20, seed=1) == load_generator(made).sample(20, seed=1)).all()
    assert (again / "history.csv").read_text() == "step,epoch,images\n"
    with pytest.raises(UserError, match="has changed"):
        train(pretrained(weights="first/result", weights_sha256="0"), mnist, tmp_path, Silent(), CPU, 1e9)


def pretrained(**changes: Any) -> Training:
    return settings(method="pretrained").model_copy(update=changes)


def test_a_lost_training_stops_early_where_wanted(mnist: Dataset, tmp_path: Path) -> None:
    for name, early, epochs in (("early", True, 1), ("late", False, 3)):
        (tmp_path / name).mkdir()
        run = settings(lr=1e-12, epochs=3, stop_early=early)
        outcome, _ = train(run, mnist, tmp_path / name, Silent(), CPU, 1e9)
        assert (outcome.status, outcome.epochs) == ("collapsed", epochs)


def test_a_run_resumed_after_its_last_epoch_stops_early_all_the_same(mnist: Dataset, tmp_path: Path) -> None:
    run = settings(lr=1e-12, epochs=3, stop_early=True)
    for name in ("alone", "stopped"):
        (tmp_path / name).mkdir()
    train(run, mnist, tmp_path / "alone", Silent(), CPU, 1e9)
    train(run, mnist, tmp_path / "stopped", Silent(), CPU, 1e9)
    train(run, mnist, tmp_path / "stopped", Silent(), CPU, 1e9)  # the checkpoint stands at the end of epoch 1
    assert contents(tmp_path / "stopped" / "result") == contents(tmp_path / "alone" / "result")


def test_one_of_two_processes_takes_its_share_and_only_the_first_writes(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, shares, steps = [], [], []
    step = Gan.step

    def seen(batches: list[Tensor]) -> Callable[..., Scalars]:
        def kept(gan: Gan, images: Tensor, labels: Tensor | None) -> Scalars:
            batches.append(images)
            return step(gan, images, labels)

        return kept

    for name in ("alone", "second"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(Gan, "step", seen(whole))
    train(settings(epochs=1), mnist, tmp_path / "alone", Silent(), CPU, 0.0)
    monkeypatch.setattr(Gan, "step", seen(shares))
    monkeypatch.setattr(distributed, "rank", lambda: 1)
    monkeypatch.setattr(distributed, "size", lambda: 2)
    monkeypatch.setattr(distributed, "_average", lambda tensors: None)  # there is no other process to hear from
    monkeypatch.setattr(distributed, "seed_this_rank", lambda seed, at: steps.append((seed, at)))
    watched = Silent()
    outcome, _ = train(settings(epochs=1, processes=2), mnist, tmp_path / "second", watched, CPU, 0.0)
    assert len(whole) == len(shares) == 6
    for images, share in zip(whole, shares, strict=True):
        assert torch.equal(share, images[1::2])
    assert steps == [(3, number) for number in range(6)]
    assert (outcome.steps, outcome.images) == (6, 300) and watched.begun == [(0, 300)]
    assert not list((tmp_path / "second").iterdir())
