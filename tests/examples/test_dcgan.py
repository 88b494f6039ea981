"""The stand-alone script trains the GAN of experiment e03-dcgan, as the pipeline does."""

import os
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch import Tensor, nn

from ganpipe.common.types import ImageShape
from ganpipe.config import Experiment, Training
from ganpipe.data.dataset import Dataset
from ganpipe.methods.gan import Gan, build
from tests.conftest import REPOSITORY

SCRIPT = REPOSITORY / "examples" / "dcgan.py"
STEPS, BATCH, WIDTH = 50, 16, 8


@pytest.fixture(scope="module")
def script() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(SCRIPT)))


@pytest.fixture
def double() -> Iterator[None]:
    """float64, in which rounding stays too small to be amplified by 50 steps of a GAN."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def e03_dcgan() -> Training:
    """Settings of the experiment in params.yaml, with narrow networks."""
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    entry = {
        key: value for key, value in params["experiments"]["e03-dcgan"].items() if key not in Experiment.model_fields
    }
    narrow = {"generator": {"width": WIDTH}, "discriminator": {"width": WIDTH}}
    return Training.model_validate({**params["train"], **entry, **narrow, "seed": 0, "threads": 1})


def pipeline_gan() -> Gan:
    torch.manual_seed(0)
    return build(e03_dcgan(), ImageShape(1, 28), 0, torch.device("cpu"))


def batches(mnist: Dataset) -> Iterator[Tensor]:
    pixels = torch.from_numpy(mnist.train.images[:].copy()).double() / 127.5 - 1
    for step in range(STEPS):
        yield pixels[torch.arange(step * BATCH, (step + 1) * BATCH) % len(pixels)]


def load_weights(target: nn.Module, source: nn.Module) -> None:
    """Copy weights by position: the modules have the same layers under other names."""
    values = source.state_dict().values()
    target.load_state_dict(dict(zip(target.state_dict(), values, strict=True)))


@pytest.mark.usefixtures("double")
def test_script_and_pipeline_have_the_same_losses_and_averaged_weights(script: SimpleNamespace, mnist: Dataset) -> None:
    settings, gan = e03_dcgan(), pipeline_gan()
    training = script.Training(WIDTH, settings.lr)
    load_weights(training.generator, gan.generator.network)
    load_weights(training.discriminator, gan.discriminator.network)
    load_weights(training.average, gan.image_generator())

    losses, expected = [], []
    for step, images in enumerate(batches(mnist)):
        torch.manual_seed(step)
        losses.append(training.step(images, torch.randn(BATCH, script.LATENT)))
        torch.manual_seed(step)
        scalars = gan.step(images, None)  # draws the same noise
        expected.append((scalars["loss_d"].item(), scalars["loss_g"].item()))

    assert np.std(losses, axis=0).min() > 0.05  # the losses moved
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    averages = zip(training.average.state_dict().values(), gan.image_generator().state_dict().values(), strict=True)
    for ours, theirs in averages:
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_script_draws_initial_weights_as_the_pipeline_does(script: SimpleNamespace) -> None:
    torch.manual_seed(0)
    training, gan = script.Training(width=WIDTH, lr=1e-3), pipeline_gan()
    for ours, theirs in ((training.generator, gan.generator), (training.discriminator, gan.discriminator)):
        for weight, expected in zip(ours.parameters(), theirs.network.parameters(), strict=True):
            assert weight.shape == expected.shape
            assert weight.mean().item() == pytest.approx(expected.mean().item(), abs=0.02)
            assert weight.std().item() == pytest.approx(expected.std().item(), rel=0.5)


def test_script_scales_images_as_the_pipeline_does(script: SimpleNamespace) -> None:
    assert script.to_signed(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1.0, 1.0]
    assert e03_dcgan().range == "signed"


def test_command_trains_on_prepared_arrays_and_saves_a_grid(mnist_folder: Path, tmp_path: Path) -> None:
    grid = tmp_path / "new" / "grid.png"
    options = ["--epochs", "2", "--width", "4", "--data", str(mnist_folder), "--out", str(grid)]
    result = subprocess.run(
        [sys.executable, str(SCRIPT), *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ,
        check=True,
    )
    assert result.stdout.count("loss of D") == 2
    pixels = np.asarray(Image.open(grid).convert("L"))
    assert pixels.shape == (8 * 30 + 2, 8 * 30 + 2)
    assert pixels.std() > 10  # images, not a blank sheet
