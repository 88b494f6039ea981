"""Losses, penalties and augmentations combine freely: one step of every pair updates all weights of the right network.

All networks of all methods: `tests/methods/test_every_combination.py`.
"""

from importlib import import_module

import pytest
import torch

from ganpipe.common.types import ImageShape
from ganpipe.objectives import augment, losses, penalties
from ganpipe.objectives.registry import build_objective
from tests.nets import small_networks

LOSSES = ["bce", "sigmoid_bce", "minimax_bce", "least_squares", "wasserstein", "hinge", "relativistic"]
PENALTIES = [None, "gradient_penalty", "r1", "r2", "r1_r2"]
POLICIES = [None, "color", "translation", "cutout"]


def public_functions(module):
    return {
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    }


def test_every_loss_penalty_and_augmentation_is_tested():
    assert public_functions(losses) == set(LOSSES)
    assert public_functions(penalties) == set(PENALTIES[1:])
    assert public_functions(augment) == set(POLICIES[1:])


@pytest.mark.parametrize("classes", [0, small_networks.CLASSES])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_one_step_updates_every_weight(loss, penalty, classes):
    generator = small_networks.generator("dcgan", ImageShape(1, 16), classes)
    discriminator = small_networks.discriminator("dcgan", ImageShape(1, 16), classes, norm="none")
    step(generator, discriminator, small_networks.labels_for(6, classes), loss, penalty, None, 16)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_one_step_with_augmentation_updates_every_weight(policy, penalty):
    generator = small_networks.generator("dcgan", ImageShape(1, 16))
    discriminator = small_networks.discriminator("dcgan", ImageShape(1, 16), norm="none")
    step(generator, discriminator, None, "bce", penalty, policy, 16)


def step(generator, discriminator, labels, loss, penalty, policy, size):
    def logits(images):
        return discriminator(getattr(augment, policy)(images) if policy else images, labels)

    objective = build_objective(loss, 1.0, 0.0)
    real = torch.rand(6, 1, size, size) * 2 - 1
    fake = generator(torch.randn(6, small_networks.LATENT), labels)
    loss_d = objective.discriminator(logits(real), logits(fake.detach()))
    if penalty:
        loss_d = loss_d + getattr(import_module("ganpipe.objectives.penalties"), penalty)(logits, real, fake, 1.0)
    assert_step_updates(discriminator, loss_d)
    assert all(parameter.grad is None for parameter in generator.parameters())
    loss_g = objective.generator(logits(fake), logits(real))
    assert_step_updates(generator, loss_g)


def assert_step_updates(network, loss):
    before = [parameter.detach().clone() for parameter in network.parameters()]
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    assert loss.isfinite()
    assert all(parameter.isfinite().all() for parameter in network.parameters())
    changed = [not torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True) if new.ndim > 1]
    assert all(changed)
