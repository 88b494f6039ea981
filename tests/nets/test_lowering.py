"""Lowered convolutions are the convolutions that they stand for, with all their gradients."""

import copy

import pytest
import torch
from torch import nn

from ganpipe.common.types import ImageShape
from ganpipe.nets.lowering import Conv2d, ConvTranspose2d, _Gather, _Spread, lower, spread
from tests.nets import gallery

LAYERS = {
    "last of a generator": (lambda: ConvTranspose2d(6, 1, 4, stride=2, padding=1), 5),
    "with a bias and an odd rest": (lambda: ConvTranspose2d(6, 1, 5, stride=2, padding=2, output_padding=1), 4),
    "without padding": (lambda: ConvTranspose2d(3, 1, 3, bias=False), 4),
    "oblong": (lambda: ConvTranspose2d(3, 1, (2, 3), stride=(1, 2), padding=(0, 1)), 5),
    "first of a discriminator": (lambda: Conv2d(1, 6, 4, stride=2, padding=1), 8),
    "with a rest that no place covers": (lambda: Conv2d(1, 6, 4, stride=2, padding=1, bias=False), 7),
    "last, at stride 1": (lambda: Conv2d(6, 1, 3, padding=1), 5),
    "last, without padding": (lambda: Conv2d(6, 1, (3, 2), padding=(0, 1), bias=False), 5),
}


def pair(name):
    """A layer as it is and lowered, with float64 weights, and maps for it."""
    torch.manual_seed(0)
    make, side = LAYERS[name]
    plain = make().double()
    lowered = copy.deepcopy(plain)
    lower(lowered)
    maps = torch.randn(3, plain.in_channels, side, side, dtype=torch.float64)
    return plain, lowered, maps.contiguous(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("name", LAYERS)
def test_lowered_layers_agree_with_the_plain_ones(name):
    plain, lowered, maps = pair(name)
    expected, found = plain(maps), lowered(maps)
    assert type(found.grad_fn).__name__ != type(expected.grad_fn).__name__, "nothing was lowered"
    torch.testing.assert_close(found, expected)
    direction = torch.randn_like(expected)
    for layer_output, layer in ((expected, plain), (found, lowered)):
        layer.results = torch.autograd.grad((layer_output * direction).sum(), [maps, *layer.parameters()])
    torch.testing.assert_close(lowered.results, plain.results)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_gradients_agree_too(name):
    """What gradient penalties need."""
    gradients = []
    for layer in pair(name)[:2]:
        _, _, maps = pair(name)
        (at_maps,) = torch.autograd.grad(layer(maps).square().sum(), maps, create_graph=True)
        gradients.append(torch.autograd.grad(at_maps.square().sum(), [maps, *layer.parameters()]))
    torch.testing.assert_close(gradients[1], gradients[0])


def test_both_products_can_be_differentiated_twice():
    picture = torch.randn(2, 1, 5, 6, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 1, 3, 2, dtype=torch.float64, requires_grad=True)
    maps = torch.randn(2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    for function, inputs in (
        (_Gather.apply, (picture, weight, (2, 2), (1, 1))),
        (_Spread.apply, (maps, weight, (2, 2), (1, 1), (5, 6))),
    ):
        assert torch.autograd.gradcheck(function, inputs)
        assert torch.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("name", LAYERS)
def test_an_activation_may_work_in_place_after_it(name):
    plain, lowered, maps = pair(name)
    for layer in (plain, lowered):
        layer.result = nn.LeakyReLU(0.2, inplace=True)(layer(maps))
        layer.result.sum().backward()
    torch.testing.assert_close(lowered.result, plain.result)
    torch.testing.assert_close(lowered.weight.grad, plain.weight.grad)


def test_networks_side_by_side_are_one_product_each():
    maps, weight = torch.randn(4, 3, 6, 5, 5), torch.randn(4, 6, 1, 4, 4)
    together = spread(maps, weight, (2, 2), (1, 1), (10, 10))
    apart = [spread(*one, (2, 2), (1, 1), (10, 10)) for one in zip(maps, weight, strict=True)]
    torch.testing.assert_close(together, torch.stack(apart))


def test_wide_layers_are_left_to_pytorch():
    layers = nn.Sequential(
        Conv2d(3, 4, 3), ConvTranspose2d(4, 3, 3), Conv2d(3, 1, 3, stride=2), Conv2d(1, 2, 2, dilation=2)
    )
    lower(layers)
    for layer in layers:
        output = layer(torch.randn(2, layer.in_channels, 9, 9))
        assert type(output.grad_fn).__name__ == "ConvolutionBackward0", layer


@pytest.mark.parametrize("role", ["generator", "discriminator"])
@pytest.mark.parametrize("network", gallery.NETWORKS)
def test_a_lowered_network_is_the_same_network(network, role):
    image = ImageShape(1, gallery.sizes(network)[0])
    plain = getattr(gallery, role)(network, image).double()
    lowered = copy.deepcopy(plain)
    lower(lowered)
    assert list(lowered.state_dict()) == list(plain.state_dict())
    shape = (4, gallery.LATENT) if role == "generator" else (4, 1, image.size, image.size)
    inputs = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    results = []
    for copied in (plain, lowered):
        torch.manual_seed(1)
        output = copied(inputs)
        direction = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
        results.append([output, *torch.autograd.grad((output * direction).sum(), [inputs, *copied.parameters()])])
    torch.testing.assert_close(results[1], results[0])
