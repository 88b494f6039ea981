"""Critic steps, weight clipping, conditioning, and one step of each valid combination of loss, penalty and norm."""

import inspect

import pytest
import torch

from ganpipe.data.dataset import Dataset
from ganpipe.methods.gan import Gan
from ganpipe.objectives import losses
from tests.methods.test_methods import batch, build
from tests.nets import small_networks

LOSSES = [
    name
    for name, function in inspect.getmembers(losses, inspect.isfunction)
    if function.__module__ == losses.__name__ and not name.startswith("_")
]
PENALTIES = ["none", "gradient_penalty", "r1", "r2", "r1_r2"]
OPTIONS = {network: small_networks.SMALL.get(network, small_networks.NARROW) for network in small_networks.NETWORKS}
CASES = [
    (network, norm, loss, penalty)
    for network in small_networks.NETWORKS
    for norm in small_networks.norms(network, "Discriminator")
    for loss in LOSSES
    for penalty in PENALTIES
    # With BatchNorm the gradient of one logit depends on the other images of its batch.
    if penalty == "none" or norm != "batch"
]


@pytest.mark.parametrize(("network", "norm", "loss", "penalty"), CASES)
def test_one_step_updates_both_networks(
    network: str, norm: str | None, loss: str, penalty: str, mnist: Dataset
) -> None:
    options = OPTIONS[network]
    critic = options | ({"norm": norm} if norm else {})
    method = build("gan", network=network, generator=options, discriminator=critic, loss=loss, penalty=penalty)
    before = [p.clone() for name in ("generator", "discriminator") for p in method.networks()[name].parameters()]
    images, labels = batch(mnist, 4)
    scalars = method.step(images, labels)
    after = [p for name in ("generator", "discriminator") for p in method.networks()[name].parameters()]
    assert all(value.isfinite() for value in scalars.values())
    assert all(parameter.isfinite().all() for parameter in after)
    changed = [not torch.equal(old, new) for old, new in zip(before, after, strict=True) if new.ndim > 1]
    assert sum(changed) >= len(changed) - 1  # one embedding or modulation may have no gradient in the first step


def test_each_critic_step_uses_its_own_images(mnist: Dataset) -> None:
    method = build("critic")
    assert isinstance(method, Gan) and method.batches_per_step == 2
    inputs: list[torch.Tensor] = []
    method.discriminator.network.register_forward_hook(lambda _m, args, _o: inputs.append(args[0].detach().clone()))
    method.augment = lambda images: images
    method.penalty = None
    images, labels = batch(mnist)
    method.step(images, labels)
    assert [len(part) for part in inputs] == [25] * 5  # real and generated, twice; then generated for G
    assert torch.equal(torch.cat([inputs[0], inputs[2]]), images)
    assert torch.equal(inputs[3], inputs[4])  # G is trained on the images of the last critic step


def test_clipped_weights_stay_within_the_bound(mnist: Dataset) -> None:
    method = build("clipped")
    method.step(*batch(mnist))
    critic = method.networks()["discriminator"]
    assert max(parameter.abs().max().item() for parameter in critic.parameters()) <= 0.01 + 1e-9


def test_labels_affect_conditional_networks(mnist: Dataset) -> None:
    images, labels = batch(mnist)
    results = []
    for given in (labels, (labels + 1) % 10):
        method = build("conditional")
        torch.manual_seed(0)
        results.append(method.step(images, given)["d_real"].item())
    assert results[0] != results[1]


def test_unconditional_networks_ignore_labels(mnist: Dataset) -> None:
    images, labels = batch(mnist)
    results = []
    for given in (labels, None):
        method = build("gan")
        torch.manual_seed(0)
        results.append(method.step(images, given)["loss_d"].item())
    assert results[0] == results[1]


def test_the_penalty_is_part_of_the_loss(mnist: Dataset) -> None:
    losses_d = []
    for weight in (1.0, 1000.0):
        method = build("critic", penalty_weight=weight, augment=[])
        torch.manual_seed(0)
        losses_d.append(method.step(*batch(mnist))["loss_d"].item())
    assert losses_d[1] > losses_d[0] + 10
