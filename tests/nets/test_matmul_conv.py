"""Convolutions computed as matrix products equal PyTorch's, gradients of every order included."""

import copy

import pytest
import torch
from torch import nn

from ganpipe.common.types import ImageShape
from ganpipe.nets.matmul_conv import (
    Conv2d,
    ConvTranspose2d,
    _ConvFromOneChannel,
    _ConvTransposeToOneChannel,
    conv_transpose_matmul,
    enable_matmul,
)
from tests.nets import small_networks

LAYERS = {
    "last of a generator": (lambda: ConvTranspose2d(6, 1, 4, stride=2, padding=1), 5),
    "with bias and output padding": (lambda: ConvTranspose2d(6, 1, 5, stride=2, padding=2, output_padding=1), 4),
    "without padding": (lambda: ConvTranspose2d(3, 1, 3, bias=False), 4),
    "rectangular": (lambda: ConvTranspose2d(3, 1, (2, 3), stride=(1, 2), padding=(0, 1)), 5),
    "first of a discriminator": (lambda: Conv2d(1, 6, 4, stride=2, padding=1), 8),
    "last row of the input unused": (lambda: Conv2d(1, 6, 4, stride=2, padding=1, bias=False), 7),
    "last, stride 1": (lambda: Conv2d(6, 1, 3, padding=1), 5),
    "last, without padding": (lambda: Conv2d(6, 1, (3, 2), padding=(0, 1), bias=False), 5),
}


def plain_and_matmul(name):
    """Two equal layers, the second with matrix products enabled, and an input; all float64."""
    torch.manual_seed(0)
    build, side = LAYERS[name]
    plain = build().double()
    matmul = copy.deepcopy(plain)
    enable_matmul(matmul)
    maps = torch.randn(3, plain.in_channels, side, side, dtype=torch.float64)
    return plain, matmul, maps.contiguous(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("name", LAYERS)
def test_outputs_and_gradients_agree(name):
    plain, matmul, maps = plain_and_matmul(name)
    expected, actual = plain(maps), matmul(maps)
    assert type(actual.grad_fn).__name__ != type(expected.grad_fn).__name__, "no matrix product was used"
    torch.testing.assert_close(actual, expected)
    direction = torch.randn_like(expected)
    gradients = [
        torch.autograd.grad((output * direction).sum(), [maps, *layer.parameters()])
        for output, layer in ((expected, plain), (actual, matmul))
    ]
    torch.testing.assert_close(gradients[1], gradients[0])


@pytest.mark.parametrize("name", LAYERS)
def test_second_order_gradients_agree(name):
    """Gradient penalties need them."""
    gradients = []
    for layer in plain_and_matmul(name)[:2]:
        _, _, maps = plain_and_matmul(name)
        (input_gradient,) = torch.autograd.grad(layer(maps).square().sum(), maps, create_graph=True)
        gradients.append(torch.autograd.grad(input_gradient.square().sum(), [maps, *layer.parameters()]))
    torch.testing.assert_close(gradients[1], gradients[0])


def test_both_functions_pass_gradcheck_and_gradgradcheck():
    image = torch.randn(2, 1, 5, 6, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 1, 3, 2, dtype=torch.float64, requires_grad=True)
    maps = torch.randn(2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    for function, inputs in (
        (_ConvFromOneChannel.apply, (image, weight, (2, 2), (1, 1))),
        (_ConvTransposeToOneChannel.apply, (maps, weight, (2, 2), (1, 1), (5, 6))),
    ):
        assert torch.autograd.gradcheck(function, inputs)
        assert torch.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("name", LAYERS)
def test_an_in_place_activation_may_follow(name):
    plain, matmul, maps = plain_and_matmul(name)
    results = []
    for layer in (plain, matmul):
        results.append(nn.LeakyReLU(0.2, inplace=True)(layer(maps)))
        results[-1].sum().backward()
    torch.testing.assert_close(results[1], results[0])
    torch.testing.assert_close(matmul.weight.grad, plain.weight.grad)


def test_leading_dimensions_are_independent_networks():
    maps, weight = torch.randn(4, 3, 6, 5, 5), torch.randn(4, 6, 1, 4, 4)
    batched = conv_transpose_matmul(maps, weight, (2, 2), (1, 1), (10, 10))
    separately = [conv_transpose_matmul(*pair, (2, 2), (1, 1), (10, 10)) for pair in zip(maps, weight, strict=True)]
    torch.testing.assert_close(batched, torch.stack(separately))


def test_other_convolutions_use_pytorch():
    layers = nn.Sequential(
        Conv2d(3, 4, 3), ConvTranspose2d(4, 3, 3), Conv2d(3, 1, 3, stride=2), Conv2d(1, 2, 2, dilation=2)
    )
    enable_matmul(layers)
    for layer in layers:
        output = layer(torch.randn(2, layer.in_channels, 9, 9))
        assert type(output.grad_fn).__name__ == "ConvolutionBackward0", layer


@pytest.mark.parametrize("role", ["generator", "discriminator"])
@pytest.mark.parametrize("network", small_networks.NETWORKS)
def test_networks_agree_with_and_without_matrix_products(network, role):
    image = ImageShape(1, small_networks.sizes(network)[0])
    plain = getattr(small_networks, role)(network, image).double()
    matmul = copy.deepcopy(plain)
    enable_matmul(matmul)
    assert list(matmul.state_dict()) == list(plain.state_dict())
    shape = (4, small_networks.LATENT) if role == "generator" else (4, 1, image.size, image.size)
    inputs = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    results = []
    for model in (plain, matmul):
        torch.manual_seed(1)
        output = model(inputs)
        direction = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
        results.append([output, *torch.autograd.grad((output * direction).sum(), [inputs, *model.parameters()])])
    torch.testing.assert_close(results[1], results[0])
