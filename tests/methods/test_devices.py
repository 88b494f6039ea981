"""Every method, network, loss, penalty and augmentation runs on a GPU without waiting for it, deterministically.

See `device_guard`: the meta device stands for CUDA. What it cannot show are the kernels themselves, fused or in
bfloat16; where CUDA is available, the last test runs them.
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import optimizer as torch_optimizer

from ganpipe.common.determinism import deterministic_mode
from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.protocol import Method, PerClassMethod, ReconstructionMethod
from ganpipe.methods.common.train_state import eval_forward
from ganpipe.methods.gan import Gan
from ganpipe.methods.registry import build_method
from ganpipe.objectives import augment
from tests.methods.combinations import PAIRS, image_of, planned
from tests.methods.device_guard import GPU, DeviceError, device_guard
from tests.methods.families import FAMILIES, training
from tests.methods.test_methods import IMAGE, build
from tests.objectives.test_one_step import public_functions

CLASSES = 2
AXES = ("loss", "penalty", "conditional", "norm")


@pytest.fixture(autouse=True)
def like_cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let optimisers use fused and multi-tensor kernels on the meta device, and be deterministic, as in a training."""
    for kind in ("fused", "foreach"):
        name = f"_get_{kind}_kernels_supported_devices"
        supported = getattr(torch_optimizer, name)()
        monkeypatch.setattr(torch_optimizer, name, lambda supported=supported: [*supported, GPU.type])
    with deterministic_mode(1):
        yield


Pair = tuple[tuple[str, Any], ...]


def interactions(settings: dict[str, Any]) -> set[Pair]:
    """Pairs of settings whose operations meet on the device, and the loss.

    An operation belongs to one setting or to the interplay of two, such as penalty and norm, so the product of all
    settings need not be run. A loss sees nothing of the network but its logits: it is paired with the other settings
    for one network of the method `gan`, and run once for every other.
    """
    last = settings.get("discriminator") or settings.get("encoder") or settings.get("generator") or {}
    values = [(axis, (settings | last).get(axis)) for axis in AXES]
    if (settings["method"], settings["network"]) == ("gan", "dcgan"):
        return set(combinations(values, 2))
    return {(values[0],), *combinations(values[1:], 2)}


def covering(accepted: dict[str, dict[str, Any]]) -> list[str]:
    """Choose experiments that contain all interactions of all experiments."""
    pairs = {name: interactions(settings) for name, settings in accepted.items()}
    missing, chosen = set().union(*pairs.values()), []
    while missing:
        best = max(pairs, key=lambda name: len(pairs[name] & missing))
        chosen.append(best)
        missing -= pairs[best]
    return chosen


def run_on_gpu(settings: Training, image: ImageShape, classes: int, count: int, steps: int = 2) -> None:
    """Build a method, take steps, restore its state, sample and reconstruct."""
    torch.manual_seed(0)
    method = build_method(settings, image, classes, GPU)
    assert isinstance(method, Method)
    images = torch.empty(count * method.batches_per_step, image.channels, image.size, image.size, device=GPU)
    labels = torch.zeros(len(images), dtype=torch.int64, device=GPU)
    with device_guard():
        for _ in range(steps):  # the second step finds the states of the optimisers
            scalars = method.step(images, labels)
        assert {value.device for value in scalars.values()} == {GPU}
    with device_guard(synchronisation=True):
        method.load_state_dict(method.state_dict())
        description = method.description()
        noise = torch.empty(4, description.latent, device=GPU)
        generated = eval_forward(method.image_generator(), noise, labels[:4] if description.classes else None)
        assert generated.device == GPU
        if isinstance(method, ReconstructionMethod):
            assert method.reconstruct(images).device == GPU
    networks = [*method.networks().values(), method.image_generator()]
    tensors = [tensor for network in networks for tensor in network.state_dict().values()]
    assert {tensor.device for tensor in tensors} == {GPU}
    assert not isinstance(method, PerClassMethod) or method._loss_sums.device == GPU  # type: ignore[attr-defined]


@pytest.mark.parametrize(("method", "network"), PAIRS)
def test_every_network_runs_on_a_gpu_with_all_settings(method: str, network: str) -> None:
    accepted, _ = planned(method, network)
    for name in covering(accepted):
        settings = Training(**(accepted[name] | {"ema": 0.9}), seed=0, threads=1)
        try:
            run_on_gpu(settings, image_of(network), CLASSES, 8, steps=1)
        except DeviceError as error:
            pytest.fail(f"{name}: {accepted[name]}: {error}")


# The optimal pairs of noise and images are computed on the CPU from values that the meta device does not have.
@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "paired-flow"])
def test_every_family_runs_on_a_gpu(family: str) -> None:
    settings = training(family)
    run_on_gpu(settings, IMAGE, 10, settings.batch_size)


@pytest.mark.parametrize("policy", sorted(public_functions(augment)))
def test_every_augmentation_runs_on_a_gpu(policy: str) -> None:
    run_on_gpu(training("gan", augment=[policy]), IMAGE, 10, 50)


@pytest.mark.parametrize(("method", "network"), PAIRS)
def test_the_chosen_experiments_contain_every_value_of_every_setting(method: str, network: str) -> None:
    accepted, _ = planned(method, network)
    chosen = [accepted[name] for name in covering(accepted)]
    for axis in ("loss", "penalty", "conditional", "discriminator", "encoder", "generator"):
        assert all(any(x[axis] == settings[axis] for x in chosen) for settings in accepted.values()), axis


ERRORS: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "noise on the CPU": (lambda x: x + torch.rand(len(x), 1, 1, 1), "aten.add.Tensor: tensors on different devices"),
    "index on the CPU": (lambda x: x[torch.arange(len(x))], "aten.index.Tensor: tensors on different devices"),
    "copied noise": (lambda x: x + torch.rand(len(x), 1, 1, 1).to(x.device), "from pageable memory"),
    "copied number": (lambda x: x * torch.tensor([2.0], device=x.device), "tensor: copies host data"),
    "new_tensor": (lambda x: x * x.new_tensor([2.0]), "new_tensor: copies host data"),
    "result on the CPU": (lambda x: x * x.mean((1, 2, 3)).cpu().mean(), "from pageable memory"),
    "item": (lambda x: x * x.mean().item(), "aten._local_scalar_dense.default: the host waits"),
    "branch": (lambda x: x if x.mean() > 0 else -x, "aten._local_scalar_dense.default: the host waits"),
    "equal": (lambda x: x if torch.equal(x, x) else -x, "aten.equal.default: the host waits"),
    "float64": (lambda x: x + x.mean().double(), "aten._to_copy.default: float64, which Apple's GPUs do not have"),
    "nonzero": (lambda x: x * len(x.flatten().nonzero()), "aten.nonzero.default: the host waits"),
    "boolean mask": (lambda x: x * x[x > 0].mean(), "aten.index.Tensor: the host waits"),
    "reflection padding": (
        lambda x: F.pad(x, (1, 1, 1, 1), "reflect")[:, :, 1:-1, 1:-1],
        "aten.reflection_pad2d_backward.default: not deterministic",
    ),
    "grid_sample": (
        lambda x: F.grid_sample(x, torch.zeros(len(x), 28, 28, 2, device=x.device), align_corners=False),
        "aten.grid_sampler_2d_backward.default: not deterministic",
    ),
}
"""Augmentations with an error each, and the message that names it."""


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_in_a_step_is_found(error: str) -> None:
    method = build("gan", device=GPU)
    assert isinstance(method, Gan)
    method.augment, message = ERRORS[error]
    with pytest.raises(DeviceError, match=message), device_guard():
        method.step(torch.empty(50, 1, 28, 28, device=GPU), None)


def test_a_network_left_on_the_cpu_is_found() -> None:
    method = build("gan", device=GPU)
    assert isinstance(method, Gan)
    method.generator.ema = build("gan").generator.ema  # type: ignore[attr-defined]
    with pytest.raises(DeviceError, match="tensors on different devices"), device_guard():
        method.step(torch.empty(50, 1, 28, 28, device=GPU), None)


def test_a_step_that_neither_mixes_nor_waits_passes() -> None:
    method = build("gan", device=GPU)
    assert isinstance(method, Gan)
    method.augment = lambda x: torch.where(x > 0, x, torch.full_like(x, 2.0) * torch.tensor(0.5))  # a CPU scalar
    with device_guard():
        method.step(torch.empty(50, 1, 28, 28, device=GPU), None)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains_on_cuda_without_waiting(family: str, precision: str) -> None:
    cuda = torch.device("cuda")
    method = build(family, device=cuda, precision=precision)
    images = torch.rand(50 * method.batches_per_step, 1, 28, 28, device=cuda) * 2 - 1
    labels = torch.arange(len(images), device=cuda) % 10
    method.step(images, labels)  # the first step may wait, for the libraries
    torch.cuda.set_sync_debug_mode("error")
    try:
        scalars = method.step(images, labels)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(value.isfinite() for value in scalars.values())
