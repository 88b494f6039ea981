"""Training in bfloat16, forced onto the CPU."""

from typing import Any

import pytest
import torch
from torch import nn

from ganpipe.config import Precision
from ganpipe.data.dataset import Dataset
from ganpipe.methods.common import precision
from ganpipe.methods.common.precision import autocast_forward
from ganpipe.methods.common.protocol import Method
from ganpipe.methods.registry import build_method
from tests.methods.families import FAMILIES, training

CPU = torch.device("cpu")


@pytest.fixture
def bfloat16_on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "BFLOAT16_DEVICES", frozenset({"cpu"}))


def after_three_steps(family: str, mnist: Dataset, dtype: Precision, **changes: Any) -> tuple[Method, dict[str, float]]:
    """A method after three steps on balanced batches, and the scalars of the last step."""
    torch.manual_seed(0)
    run = training(family, precision=dtype, lowering=False, **changes)  # CUDA uses no matrix-product convolutions
    method = build_method(run, mnist.shape, len(mnist.classes), CPU)
    assert isinstance(method, Method)
    labels = torch.arange(10).repeat(5 * method.batches_per_step)
    scalars = {}
    for _ in range(3):
        scalars = method.step(torch.rand(len(labels), 1, 28, 28) * 2 - 1, labels)
    assert all(value.dtype == torch.float32 for value in scalars.values())
    return method, {name: float(value) for name, value in scalars.items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_training_in_bfloat16_stays_close_and_keeps_float32_weights(
    family: str, mnist: Dataset, bfloat16_on_cpu: None
) -> None:
    reduced, scalars = after_three_steps(family, mnist, "bfloat16")
    plain, expected = after_three_steps(family, mnist, "float32")
    assert scalars != expected
    assert scalars == pytest.approx(expected, rel=0.1, abs=0.1)  # bfloat16 has 8 significant bits
    for name, network in reduced.networks().items():
        weights = list(network.parameters())
        assert {weight.dtype for weight in weights} == {torch.float32}
        others = plain.networks()[name].parameters()
        assert any(not torch.equal(weight, other) for weight, other in zip(weights, others, strict=True))


def test_the_network_runs_in_bfloat16_and_returns_float32(bfloat16_on_cpu: None) -> None:
    dtypes: list[torch.dtype] = []
    network = nn.Linear(3, 2)
    network.register_forward_hook(lambda _module, _inputs, output: dtypes.append(output.dtype))
    assert autocast_forward(network, torch.ones(1, 3), precision="bfloat16", device=CPU).dtype == torch.float32
    assert autocast_forward(network, torch.ones(1, 3), precision="float32", device=CPU).dtype == torch.float32
    assert dtypes == [torch.bfloat16, torch.float32]


def test_a_changed_weight_takes_effect_immediately(bfloat16_on_cpu: None) -> None:
    network = nn.Linear(3, 2)
    before = autocast_forward(network, torch.ones(1, 3), precision="bfloat16", device=CPU)
    with torch.no_grad():
        network.weight += 1
    assert not torch.equal(autocast_forward(network, torch.ones(1, 3), precision="bfloat16", device=CPU), before)


@pytest.mark.parametrize("family", ["gan", "diffusion"])
def test_images_are_generated_in_float32(family: str, mnist: Dataset, bfloat16_on_cpu: None) -> None:
    method, _ = after_three_steps(family, mnist, "bfloat16", ema=None)
    dtypes: set[torch.dtype] = set()
    generator = method.image_generator()
    for module in generator.modules():
        module.register_forward_hook(lambda _module, _inputs, output: dtypes.add(output.dtype))
    with torch.no_grad():
        generator.eval()(torch.randn(2, method.description().latent), None)
    assert dtypes == {torch.float32}


@pytest.mark.parametrize("family", ["gan", "per-class", "diffusion"])
def test_a_cpu_ignores_the_precision(family: str, mnist: Dataset) -> None:
    method, scalars = after_three_steps(family, mnist, "bfloat16")
    plain, expected = after_three_steps(family, mnist, "float32")
    assert scalars == expected
    for name, network in method.networks().items():
        for weight, other in zip(network.parameters(), plain.networks()[name].parameters(), strict=True):
            assert torch.equal(weight, other)
