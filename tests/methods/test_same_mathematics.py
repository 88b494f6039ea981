"""Optimisation for speed does not change the mathematics: the methods and the plain loops agree from the same seed.

In float64, where rounding stays negligible over 50 steps: every loss agrees to a relative 1e-5, every weight and EMA at
the end to 1e-5 of the largest. In float32 the losses agree to 1e-3 for the first steps, after which adversarial
training amplifies the rounding. Dropout masks depend on the memory layout, so dropout is only compared on networks
without feature maps.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset
from ganpipe.methods.gan import Gan
from ganpipe.methods.registry import build_method
from tests.methods import plain_loops
from tests.methods.families import FAMILIES, NARROW, training
from tests.nets import small_networks

STEPS, BATCH = 50, 8
IMAGE = ImageShape(1, 28)
LOSS_NAMES = ("loss_d", "loss_g", "loss")
NO_NORM = {"discriminator": NARROW | {"norm": "none"}}

OPTIONS = {name: [small_networks.SMALL.get(name, NARROW)] * 2 for name in small_networks.NETWORKS}
OPTIONS["dense_dcgan"] = [NARROW, NARROW | {"dropout": 0.0}]

CASES: dict[str, dict[str, Any]] = {
    **{f"network {name}": {"network": name, "generator": generator, "discriminator": discriminator}
       for name, (generator, discriminator) in OPTIONS.items()},
    "network mlp with dropout": {
        "network": "mlp",
        "generator": {"hidden": (8, 12), "dropout": 0.3},
        "discriminator": {"hidden": (12, 8), "dropout": 0.3},
        "init": "default",
    },
    **{f"loss {name}": {"loss": name} for name in plain_loops.LOSSES},
    **{f"optimizer {name}": {"optimizer": name} for name in ("adam", "rmsprop", "sgd")},
    "separate optimizer": {"optimizer_discriminator": "sgd", "lr_discriminator": 0.01},
    **{f"penalty {name}": {"penalty": name, "penalty_weight": 2, **NO_NORM}
       for name in ("gradient_penalty", "r1", "r2", "r1_r2")},
    "norm instance": {"generator": NARROW | {"norm": "instance"}, "discriminator": NARROW | {"norm": "instance"}},
    "norm spectral": {"discriminator": NARROW | {"norm": "spectral"}},
    "schedules": {
        "lr": {"start": 0.002, "end": 0.0001, "warmup": 5},
        "lr_discriminator": {"start": 0.002, "end": 0, "shape": "linear", "warmup": 3},
        "betas": [{"start": 0, "end": 0.5}, {"start": 0.9, "end": 0.999}],
        "penalty": "r1",
        "penalty_weight": {"start": 3, "end": 0.5},
        "penalty_every": 3,
        **NO_NORM,
    },
    "scheduled momentum": {"optimizer": "sgd", "lr": {"start": 0.01}, "betas": [{"start": 0, "end": 0.9}, 0.9]},
    "lazy penalty with critic steps": {"penalty": "r2", "penalty_every": 4, "critic_steps": 2, **NO_NORM},
    "critic steps": {"loss": "wasserstein", "clip": 0.01, "critic_steps": 2, "optimizer": "rmsprop"},
}  # fmt: skip


def images(mnist: Dataset, image: ImageShape, count: int, steps: int) -> Iterator[Tensor]:
    """Batches in the default dtype, resized and with repeated channels."""
    pixels = torch.from_numpy(mnist.train.images[:].copy()).to(torch.get_default_dtype()) / 127.5 - 1
    for step in range(steps):
        batch = pixels[torch.arange(step * count, (step + 1) * count) % len(pixels)]
        yield F.interpolate(batch, image.size).repeat(1, image.channels, 1, 1)


def train_method(settings: Training, mnist: Dataset, image: ImageShape, steps: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Losses (steps, losses) of the method, and all its weights after the last step."""
    torch.manual_seed(0)
    method = build_method(settings, image, 0, torch.device("cpu"))
    rows = []
    for step, batch in enumerate(images(mnist, image, BATCH * method.batches_per_step, steps)):
        method.set_step(step, steps)
        scalars = method.step(batch, None)
        rows.append([scalars[name] for name in LOSS_NAMES if name in scalars])
    images_from = {"Vae": "decoder", "Diffusion": "denoiser", "Flow": "velocity", "Edm": "denoiser"}
    state = getattr(method, images_from.get(type(method).__name__, "generator"))
    return torch.tensor(rows), weights(dict(method.networks()) | {"ema": state.eval_network})


def train_plainly(
    settings: Training, mnist: Dataset, image: ImageShape, steps: int
) -> tuple[Tensor, dict[str, Tensor]]:
    torch.manual_seed(0)
    loop = getattr(plain_loops, settings.method)
    losses, networks = loop(settings, image, images(mnist, image, BATCH * settings.critic_steps, steps))
    return torch.tensor(losses), weights(networks)


def weights(networks: dict[str, torch.nn.Module]) -> dict[str, Tensor]:
    return {f"{name} {key}": value for name, net in networks.items() for key, value in net.state_dict().items()}


@pytest.fixture
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def assert_same_mathematics(settings: Training, mnist: Dataset, image: ImageShape = IMAGE, steps: int = STEPS) -> None:
    losses, trained = train_method(settings, mnist, image, steps)
    expected_losses, expected = train_plainly(settings, mnist, image, steps)
    assert losses.dtype == torch.float64 and losses.isfinite().all() and losses.std(0).min() > 0
    torch.testing.assert_close(losses, expected_losses, rtol=1e-5, atol=1e-7)
    assert trained.keys() == expected.keys()
    # RMSprop divides each gradient by its own size from the first step on, which amplifies the rounding of small ones.
    tolerance = 1e-4 if settings.optimizer == "rmsprop" else 1e-5
    for name, weight in trained.items():
        largest = expected[name].abs().max().item()
        torch.testing.assert_close(weight, expected[name], rtol=0, atol=tolerance * max(largest, 1e-3), msg=name)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("case", CASES)
def test_a_gan_equals_the_plain_loop(case: str, mnist: Dataset) -> None:
    settings = training("gan", batch_size=BATCH, **CASES[case])
    assert_same_mathematics(settings, mnist)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("image", [ImageShape(1, 16), ImageShape(3, 32), ImageShape(3, 64), ImageShape(3, 256)])
def test_a_dcgan_of_other_sizes_equals_the_plain_loop(image: ImageShape, mnist: Dataset) -> None:
    assert_same_mathematics(training("gan", batch_size=BATCH), mnist, image, steps=4)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("family", ["bigan", "vae"])
def test_the_other_dcgan_networks_of_a_new_size_equal_the_plain_loops(family: str, mnist: Dataset) -> None:
    assert_same_mathematics(training(family, batch_size=BATCH), mnist, ImageShape(3, 32), steps=20)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("family", ["bigan", "vae", "diffusion", "flow", "edm"])
def test_the_other_families_equal_the_plain_loops(family: str, mnist: Dataset) -> None:
    assert_same_mathematics(training(family, batch_size=BATCH), mnist)


def test_every_trained_method_has_a_plain_loop() -> None:
    methods = {training(family).method for family in FAMILIES}
    assert methods - {"per_class"} == {name for name in methods if hasattr(plain_loops, name)}


def test_the_first_steps_agree_in_float32(mnist: Dataset) -> None:
    settings = training("gan", batch_size=BATCH)
    assert isinstance(build_method(settings, IMAGE, 0, torch.device("cpu")), Gan)
    losses, _ = train_method(settings, mnist, IMAGE, 10)
    expected, _ = train_plainly(settings, mnist, IMAGE, 10)
    torch.testing.assert_close(losses, expected, rtol=1e-3, atol=1e-3)
