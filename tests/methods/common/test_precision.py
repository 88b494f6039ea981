"""Training in bfloat16: forced onto the CPU here, as a GPU would do it."""

from typing import Any

import pytest
import torch
from torch import nn

from ganpipe.config import Precision
from ganpipe.data.dataset import Dataset
from ganpipe.methods.common import precision
from ganpipe.methods.common.precision import computed
from ganpipe.methods.common.protocol import Method
from ganpipe.methods.registry import build_method
from tests.methods.families import FAMILIES, training

CPU = torch.device("cpu")


@pytest.fixture
def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "REDUCED_ON", frozenset({"cpu"}))


def after_steps(family: str, mnist: Dataset, wanted: Precision, **changes: Any) -> tuple[Method, dict[str, float]]:
    """A method after three steps on balanced batches, and the scalars of the last."""
    torch.manual_seed(0)
    run = training(family, precision=wanted, lowering=False, **changes)  # on CUDA nothing is lowered
    method = build_method(run, mnist.shape, len(mnist.classes), CPU)
    assert isinstance(method, Method)
    labels = torch.arange(10).repeat(5 * method.batches_per_step)
    scalars = {}
    for _ in range(3):
        scalars = method.step(torch.rand(len(labels), 1, 28, 28) * 2 - 1, labels)
    assert all(value.dtype == torch.float32 for value in scalars.values())
    return method, {name: float(value) for name, value in scalars.items()}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_in_it_and_keeps_float32(family: str, mnist: Dataset, as_on_a_gpu: None) -> None:
    reduced, scalars = after_steps(family, mnist, "bfloat16")
    plain, alike = after_steps(family, mnist, "float32")
    assert scalars != alike
    # Eight binary digits a number: the same story, told roughly.
    assert scalars == pytest.approx(alike, rel=0.1, abs=0.1)
    for name, network in reduced.networks().items():
        weights = list(network.parameters())
        assert {weight.dtype for weight in weights} == {torch.float32}
        others = plain.networks()[name].parameters()
        assert any(not torch.equal(ours, theirs) for ours, theirs in zip(weights, others, strict=True))


def test_the_network_itself_is_computed_in_it(as_on_a_gpu: None) -> None:
    inside: list[torch.dtype] = []
    network = nn.Linear(3, 2)
    network.register_forward_hook(lambda _module, _inputs, made: inside.append(made.dtype))
    assert computed(network, torch.ones(1, 3), precision="bfloat16").dtype == torch.float32
    assert computed(network, torch.ones(1, 3), precision="float32").dtype == torch.float32
    assert inside == [torch.bfloat16, torch.float32]


def test_a_changed_weight_counts_at_once(as_on_a_gpu: None) -> None:
    network = nn.Linear(3, 2)
    before = computed(network, torch.ones(1, 3), precision="bfloat16")
    with torch.no_grad():
        network.weight += 1
    assert not torch.equal(computed(network, torch.ones(1, 3), precision="bfloat16"), before)


@pytest.mark.parametrize("family", ["gan", "diffusion"])
def test_images_are_made_in_float32(family: str, mnist: Dataset, as_on_a_gpu: None) -> None:
    method, _ = after_steps(family, mnist, "bfloat16", ema=None)
    inside: set[torch.dtype] = set()
    maker = method.exported()
    for module in maker.modules():
        module.register_forward_hook(lambda _module, _inputs, made: inside.add(made.dtype))
    with torch.no_grad():
        maker.eval()(torch.randn(2, method.description().latent), None)
    assert inside == {torch.float32}


@pytest.mark.parametrize("family", ["gan", "per-class", "diffusion"])
def test_a_cpu_does_not_heed_it(family: str, mnist: Dataset) -> None:
    asked, scalars = after_steps(family, mnist, "bfloat16")
    plain, alike = after_steps(family, mnist, "float32")
    assert scalars == alike
    for name, network in asked.networks().items():
        for ours, theirs in zip(network.parameters(), plain.networks()[name].parameters(), strict=True):
            assert torch.equal(ours, theirs)
