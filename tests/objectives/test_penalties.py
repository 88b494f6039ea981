"""Penalties against closed forms and gradcheck, in float64."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from ganpipe.common.types import ImageShape
from ganpipe.nets import dcgan
from ganpipe.objectives.penalties import gradient_penalty, r1, r1_r2, r2

SHAPE = (4, 2, 3, 3)
PENALTIES = [gradient_penalty, r1, r2, r1_r2]


def images(seed: int) -> torch.Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


REAL, FAKE = images(0), images(1)


def squared_norms(batch):
    return batch.flatten(1).square().sum(1)


def test_penalties_of_a_linear_discriminator():
    slope = images(2)[0]
    norm = slope.square().sum().sqrt().item()

    def linear(batch):
        return (batch * slope).sum((1, 2, 3))

    assert gradient_penalty(linear, REAL, FAKE, 10).item() == pytest.approx(10 * (norm - 1) ** 2)
    assert r1(linear, REAL, FAKE, 10).item() == pytest.approx(5 * norm**2)
    assert r2(linear, REAL, FAKE, 10).item() == pytest.approx(5 * norm**2)
    assert r1_r2(linear, REAL, FAKE, 10).item() == pytest.approx(10 * norm**2)


def test_penalties_of_a_quadratic_discriminator_whose_gradient_is_its_input():
    def quadratic(batch):
        return squared_norms(batch) / 2

    assert r1(quadratic, REAL, FAKE, 3).item() == pytest.approx(1.5 * squared_norms(REAL).mean().item())
    assert r2(quadratic, REAL, FAKE, 3).item() == pytest.approx(1.5 * squared_norms(FAKE).mean().item())
    torch.manual_seed(5)
    penalty = gradient_penalty(quadratic, REAL, FAKE, 3).item()
    torch.manual_seed(5)
    epsilon = torch.rand(4).tolist()
    between = torch.stack([x + u * (y - x) for u, x, y in zip(epsilon, REAL, FAKE, strict=True)])
    assert penalty == pytest.approx(3 * (squared_norms(between).sqrt() - 1).square().mean().item(), rel=1e-6)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_gradients_for_the_discriminator_parameters(penalty):
    torch.manual_seed(0)
    critic = nn.Sequential(
        nn.Conv2d(2, 3, 2), nn.Softplus(), nn.Conv2d(3, 2, 2), nn.Tanh(), nn.Flatten(), nn.Linear(2, 1)
    )
    assert passes_gradcheck(penalty, nn.Sequential(critic, nn.Flatten(0)), REAL, FAKE)


@pytest.mark.parametrize("norm", ["none", "instance"])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_gradients_of_a_network_with_in_place_activations(penalty, norm):
    torch.manual_seed(0)
    critic = dcgan.Discriminator(ImageShape(1, 16), 0, width=1, norm=norm)
    real, fake = (torch.randn(2, 1, 16, 16, dtype=torch.float64) for _ in range(2))
    assert passes_gradcheck(penalty, critic, real, fake)


def passes_gradcheck(penalty, critic, real, fake):
    critic.double()
    names = [name for name, _ in critic.named_parameters()]

    def of_parameters(*values):
        torch.manual_seed(3)
        parameters = dict(zip(names, values, strict=True))
        return penalty(lambda batch: functional_call(critic, parameters, (batch,)), real, fake, 2.0)

    return torch.autograd.gradcheck(of_parameters, tuple(critic.parameters()))


@pytest.mark.parametrize("penalty", PENALTIES)
def test_no_gradient_reaches_the_images(penalty):
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    real, fake = (images(seed).requires_grad_() for seed in (0, 1))
    penalty(lambda batch: scale * squared_norms(batch), real, fake, 1.0).backward()
    assert scale.grad is not None
    assert real.grad is None
    assert fake.grad is None


def test_a_constant_discriminator_has_finite_gradients():
    slope = torch.zeros((), dtype=torch.float64, requires_grad=True)
    penalty = gradient_penalty(lambda batch: slope * batch.sum((1, 2, 3)), REAL, FAKE, 10)
    penalty.backward()
    assert penalty.item() == pytest.approx(10)
    assert slope.grad.isfinite()
