import copy

import pytest
import torch

from ganpipe.common.types import ImageShape
from ganpipe.methods.common.stacked import StackedNetwork, is_stackable
from ganpipe.nets.registry import build_discriminator, build_generator
from tests.nets import small_networks

IMAGE = ImageShape(1, 28)
OPTIONS = {network: small_networks.SMALL.get(network, small_networks.NARROW) for network in small_networks.NETWORKS}


def discriminators(network: str, norm: str | None) -> list[torch.nn.Module]:
    options = OPTIONS[network] | ({"norm": norm} if norm else {})
    return [build_discriminator(network, IMAGE, 0, options) for _ in range(3)]


@pytest.mark.parametrize(
    ("network", "norm"),
    [(network, norm) for network in small_networks.NETWORKS for norm in small_networks.norms(network, "Discriminator")],
)
def test_a_stack_of_discriminators_equals_its_members(network: str, norm: str | None) -> None:
    torch.manual_seed(0)
    members = discriminators(network, norm)
    for module in [module for member in members for module in member.modules()]:
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # the masks of stack and members differ
    if norm == "spectral":
        assert not is_stackable(members[0])
        return
    assert is_stackable(members[0])
    stack = StackedNetwork(copy.deepcopy(members))
    images = torch.randn(3, 5, 1, 28, 28)
    actual = stack(images)
    expected = torch.stack([member(part) for member, part in zip(members, images, strict=True)])
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)
    actual.square().sum().backward()
    expected.square().sum().backward()  # type: ignore[no-untyped-call]
    assert stack.weights.grad is not None
    sizes = [sum(weight.numel() for weight in member.parameters()) for member in members]
    assert stack.weights.shape == (3, sizes[0])
    for row, member in zip(stack.weights.grad, members, strict=True):
        norms = [weight.grad.square().sum() for weight in member.parameters() if weight.grad is not None]
        torch.testing.assert_close(row.square().sum(), torch.stack(norms).sum(), rtol=1e-3, atol=1e-5)
    for view, member in zip(stack.members(), members, strict=True):
        for name, value in member.state_dict().items():
            torch.testing.assert_close(view.state_dict()[name], value)


@pytest.mark.parametrize("network", small_networks.NETWORKS)
def test_a_stack_of_generators_in_eval_mode_equals_its_members(network: str) -> None:
    members = [build_generator(network, IMAGE, 8, 0, OPTIONS[network]) for _ in range(2)]
    stack = StackedNetwork(members).eval()
    noise = torch.randn(2, 3, 8)
    if network == "style":  # its noise inputs are random per member
        assert stack(noise).shape == (2, 3, 1, 28, 28)
        return
    expected = torch.stack([member.eval()(z) for member, z in zip(members, noise, strict=True)])
    torch.testing.assert_close(stack(noise), expected, rtol=1e-4, atol=1e-4)


def test_members_share_the_memory_of_the_stack() -> None:
    stack = StackedNetwork(discriminators("dcgan", "batch"))
    optimizer = torch.optim.Adam(stack.parameters(), lr=0.1)
    member = stack.members()[1]
    before = copy.deepcopy(member.state_dict())
    stack(torch.randn(3, 5, 1, 28, 28))[1].sum().backward()
    optimizer.step()
    assert all(not torch.equal(before[name], value) for name, value in member.state_dict().items())
