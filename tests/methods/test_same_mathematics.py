"""What is done for speed changes no mathematics: from one seed, our step and the plain loops learn the same.

In float64, where rounding is too small to grow to anything in so many steps of a game: each loss of each step agrees
to one part in 100,000, each weight and average at the end to as small a part of the largest. In float32 the losses
agree to one part in a thousand for the first steps, after which the game magnifies the rounding. Dropout draws its
masks in the order of memory, so on maps laid out otherwise it draws others: it is compared where there are no maps.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.data.dataset import Dataset
from ganpipe.methods.gan import Gan
from ganpipe.methods.registry import build_method
from tests.methods import plain_loops
from tests.methods.families import FAMILIES, NARROW, training
from tests.nets import gallery

STEPS, BATCH = 50, 8
IMAGE = ImageShape(1, 28)
LOSS_NAMES = ("loss_d", "loss_g", "loss")
FREE = {"discriminator": NARROW | {"norm": "none"}}

WIDTHS = {name: [gallery.SMALL.get(name, NARROW)] * 2 for name in gallery.NETWORKS}
WIDTHS["dense_dcgan"] = [NARROW, NARROW | {"dropout": 0.0}]

CASES: dict[str, dict[str, Any]] = {
    **{f"network {name}": {"network": name, "generator": of_g, "discriminator": of_d}
       for name, (of_g, of_d) in WIDTHS.items()},
    "network mlp with dropout": {
        "network": "mlp",
        "generator": {"hidden": (8, 12), "dropout": 0.3},
        "discriminator": {"hidden": (12, 8), "dropout": 0.3},
        "init": "default",
    },
    **{f"loss {name}": {"loss": name} for name in plain_loops.LOSSES},
    **{f"optimizer {name}": {"optimizer": name} for name in ("adam", "rmsprop", "sgd")},
    "optimizer of its own": {"optimizer_discriminator": "sgd", "lr_discriminator": 0.01},
    **{f"penalty {name}": {"penalty": name, "penalty_weight": 2, **FREE}
       for name in ("gradient_penalty", "r1", "r2", "r1_r2")},
    "norm instance": {"generator": NARROW | {"norm": "instance"}, "discriminator": NARROW | {"norm": "instance"}},
    "norm spectral": {"discriminator": NARROW | {"norm": "spectral"}},
    "critic steps": {"loss": "wasserstein", "clip": 0.01, "critic_steps": 2, "optimizer": "rmsprop"},
}  # fmt: skip


def images(mnist: Dataset, count: int, dtype: torch.dtype, steps: int) -> Iterator[Tensor]:
    pixels = torch.from_numpy(mnist.train.images[:].copy()).to(dtype) / 127.5 - 1
    for step in range(steps):
        yield pixels[torch.arange(step * count, (step + 1) * count) % len(pixels)]


def learned(settings: Training, mnist: Dataset, dtype: torch.dtype, steps: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Losses (steps, losses) of our step, and all weights at its end."""
    torch.manual_seed(0)
    method = build_method(settings, IMAGE, 0, torch.device("cpu"))
    rows = []
    for batch in images(mnist, BATCH * method.batches_per_step, dtype, steps):
        scalars = method.step(batch, None)
        rows.append([scalars[name] for name in LOSS_NAMES if name in scalars])
    average = getattr(method, {"Vae": "decoder", "Diffusion": "denoiser"}.get(type(method).__name__, "generator")).best
    return torch.tensor(rows), weights(dict(method.networks()) | {"average": average})


def learned_plainly(
    settings: Training, mnist: Dataset, dtype: torch.dtype, steps: int
) -> tuple[Tensor, dict[str, Tensor]]:
    torch.manual_seed(0)
    loop = getattr(plain_loops, settings.method)
    losses, networks = loop(settings, IMAGE, images(mnist, BATCH * settings.critic_steps, dtype, steps))
    return torch.tensor(losses), weights(networks)


def weights(networks: dict[str, torch.nn.Module]) -> dict[str, Tensor]:
    return {f"{name} {key}": value for name, net in networks.items() for key, value in net.state_dict().items()}


@pytest.fixture
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def assert_same_mathematics(settings: Training, mnist: Dataset) -> None:
    ours, our_weights = learned(settings, mnist, torch.float64, STEPS)
    plain, plain_weights = learned_plainly(settings, mnist, torch.float64, STEPS)
    assert ours.dtype == torch.float64 and ours.isfinite().all() and ours.std(0).min() > 0
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-7)
    assert our_weights.keys() == plain_weights.keys()
    for name, weight in our_weights.items():
        largest = plain_weights[name].abs().max().item()
        torch.testing.assert_close(weight, plain_weights[name], rtol=0, atol=1e-5 * max(largest, 1e-3), msg=name)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("case", CASES)
def test_a_gan_learns_what_the_plain_loop_learns(case: str, mnist: Dataset) -> None:
    settings = training("gan", batch_size=BATCH, **CASES[case])
    assert_same_mathematics(settings, mnist)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("family", ["bigan", "vae", "diffusion"])
def test_the_other_families_learn_what_the_plain_loops_learn(family: str, mnist: Dataset) -> None:
    assert_same_mathematics(training(family, batch_size=BATCH), mnist)


def test_every_method_that_learns_has_a_plain_loop() -> None:
    methods = {training(family).method for family in FAMILIES}
    assert methods - {"per_class"} == {name for name in methods if hasattr(plain_loops, name)}


def test_in_single_precision_the_first_steps_agree(mnist: Dataset) -> None:
    settings = training("gan", batch_size=BATCH)
    assert isinstance(build_method(settings, IMAGE, 0, torch.device("cpu")), Gan)
    ours, _ = learned(settings, mnist, torch.float32, 10)
    plain, _ = learned_plainly(settings, mnist, torch.float32, 10)
    torch.testing.assert_close(ours, plain, rtol=1e-3, atol=1e-3)
