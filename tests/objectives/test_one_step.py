"""Losses, penalties and augmentation are independent axes: a step of every pair changes the network that it should.

Every network of every family: `tests/methods/test_every_combination.py`.
"""

from importlib import import_module

import pytest
import torch

from ganpipe.common.types import ImageShape
from ganpipe.objectives import augment, losses, penalties
from ganpipe.objectives.registry import build_objective
from tests.nets import gallery

LOSSES = ["bce", "minimax_bce", "least_squares", "wasserstein", "hinge", "relativistic"]
PENALTIES = [None, "gradient_penalty", "r1", "r2", "r1_r2"]
POLICIES = [None, "color", "translation", "cutout"]


def public_functions(module):
    return {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    }


def test_the_axes_are_complete():
    assert public_functions(losses) == set(LOSSES)
    assert public_functions(penalties) == set(PENALTIES[1:])
    assert public_functions(augment) == set(POLICIES[1:])


@pytest.mark.parametrize("classes", [0, gallery.CLASSES])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_one_step_changes_every_weight_it_should(loss, penalty, classes):
    generator = gallery.generator("dcgan", ImageShape(1, 16), classes)
    discriminator = gallery.discriminator("dcgan", ImageShape(1, 16), classes, norm="none")
    step(generator, discriminator, gallery.labels_for(6, classes), loss, penalty, None, 16)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_one_step_with_augmentation(policy, penalty):
    generator = gallery.generator("dcgan", ImageShape(1, 16))
    discriminator = gallery.discriminator("dcgan", ImageShape(1, 16), norm="none")
    step(generator, discriminator, None, "bce", penalty, policy, 16)


def step(generator, discriminator, labels, loss, penalty, policy, size):
    def judge(images):
        return discriminator(getattr(augment, policy)(images) if policy else images, labels)

    objective = build_objective(loss, 1.0, 0.0)
    real = torch.rand(6, 1, size, size) * 2 - 1
    fake = generator(torch.randn(6, gallery.LATENT), labels)
    loss_d = objective.discriminator(judge(real), judge(fake.detach()))
    if penalty:
        loss_d = loss_d + getattr(import_module("ganpipe.objectives.penalties"), penalty)(judge, real, fake, 1.0)
    assert_learns(discriminator, loss_d)
    assert all(parameter.grad is None for parameter in generator.parameters())
    loss_g = objective.generator(judge(fake), judge(real))
    assert_learns(generator, loss_g)


def assert_learns(network, loss):
    before = [parameter.detach().clone() for parameter in network.parameters()]
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    assert loss.isfinite()
    assert all(parameter.isfinite().all() for parameter in network.parameters())
    changed = [not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True) if new.ndim > 1]
    assert all(changed)
