"""The axes of the game: critic steps, clipping, conditions, and one step of each valid loss, penalty and norm."""

import inspect

import pytest
import torch

from ganpipe.data.dataset import Dataset
from ganpipe.methods.gan import Gan
from ganpipe.objectives import losses
from tests.methods.test_methods import batch, build
from tests.nets import gallery

LOSSES = [
    name
    for name, function in inspect.getmembers(losses, inspect.isfunction)
    if function.__module__ == losses.__name__ and not name.startswith("_")
]
PENALTIES = ["none", "gradient_penalty", "r1", "r2", "r1_r2"]
WIDTHS = {network: gallery.SMALL.get(network, gallery.NARROW) for network in gallery.NETWORKS}
CASES = [
    (network, norm, loss, penalty)
    for network in gallery.NETWORKS
    for norm in gallery.norms(network, "Discriminator")
    for loss in LOSSES
    for penalty in PENALTIES
    # BatchNorm makes the gradient of one image depend on the others of its batch
    if penalty == "none" or norm != "batch"
]


@pytest.mark.parametrize(("network", "norm", "loss", "penalty"), CASES)
def test_one_step_of_every_combination(network: str, norm: str | None, loss: str, penalty: str, mnist: Dataset) -> None:
    options = WIDTHS[network]
    critic = options | ({"norm": norm} if norm else {})
    method = build("gan", network=network, generator=options, discriminator=critic, loss=loss, penalty=penalty)
    before = [p.clone() for name in ("generator", "discriminator") for p in method.networks()[name].parameters()]
    images, labels = batch(mnist, 4)
    scalars = method.step(images, labels)
    after = [p for name in ("generator", "discriminator") for p in method.networks()[name].parameters()]
    assert all(value.isfinite() for value in scalars.values())
    assert all(parameter.isfinite().all() for parameter in after)
    changed = [not torch.equal(old, new) for old, new in zip(before, after, strict=True) if new.ndim > 1]
    assert sum(changed) >= len(changed) - 1  # one embedding or modulation may have had no gradient yet


def test_each_critic_step_has_images_of_its_own(mnist: Dataset) -> None:
    method = build("critic")
    assert isinstance(method, Gan) and method.batches_per_step == 2
    seen = []
    method.discriminator.network.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0].detach().clone()))
    method.augment = lambda images: images
    method.penalty = None
    images, labels = batch(mnist)
    method.step(images, labels)
    assert [len(part) for part in seen] == [25] * 5  # real and generated, twice; then generated for the generator
    assert torch.equal(torch.cat([seen[0], seen[2]]), images)
    assert torch.equal(seen[3], seen[4])  # the generator is judged on the critic's last batch


def test_clipped_weights_stay_in_bounds(mnist: Dataset) -> None:
    method = build("clipped")
    method.step(*batch(mnist))
    critic = method.networks()["discriminator"]
    assert max(parameter.abs().max().item() for parameter in critic.parameters()) <= 0.01 + 1e-9


def test_labels_reach_both_players(mnist: Dataset) -> None:
    images, labels = batch(mnist)
    results = []
    for told in (labels, (labels + 1) % 10):
        method = build("conditional")
        torch.manual_seed(0)
        results.append(method.step(images, told)["d_real"].item())
    assert results[0] != results[1]


def test_unconditional_networks_do_not_look_at_labels(mnist: Dataset) -> None:
    images, labels = batch(mnist)
    results = []
    for told in (labels, None):
        method = build("gan")
        torch.manual_seed(0)
        results.append(method.step(images, told)["loss_d"].item())
    assert results[0] == results[1]


def test_the_penalty_enters_the_loss(mnist: Dataset) -> None:
    losses_d = []
    for weight in (1.0, 1000.0):
        method = build("critic", penalty_weight=weight, augment=[])
        torch.manual_seed(0)
        losses_d.append(method.step(*batch(mnist))["loss_d"].item())
    assert losses_d[1] > losses_d[0] + 10
