"""DCGAN against the source documents: shapes, parameter counts and biases."""

import pytest
import torch
from torch import nn

from ganpipe.common.types import ImageShape
from ganpipe.nets import dcgan
from ganpipe.nets.matmul_conv import Conv2d
from tests.nets.small_networks import convolution_shapes, parameter_count

MNIST, COLOUR = ImageShape(1, 28), ImageShape(3, 64)


@pytest.mark.parametrize(
    ("image", "maps"),
    [
        (ImageShape(1, 16), [(16, 4, 4), (8, 8, 8), (1, 16, 16)]),
        (MNIST, [(32, 4, 4), (16, 7, 7), (8, 14, 14), (1, 28, 28)]),
        (ImageShape(3, 32), [(32, 4, 4), (16, 8, 8), (8, 16, 16), (3, 32, 32)]),
        (COLOUR, [(64, 4, 4), (32, 8, 8), (16, 16, 16), (8, 32, 32), (3, 64, 64)]),
        (ImageShape(3, 128), [(128, 4, 4), (64, 8, 8), (32, 16, 16), (16, 32, 32), (8, 64, 64), (3, 128, 128)]),
        (
            ImageShape(3, 256),
            [(256, 4, 4), (128, 8, 8), (64, 16, 16), (32, 32, 32), (16, 64, 64), (8, 128, 128), (3, 256, 256)],
        ),
    ],
)
def test_shapes_of_the_generator(image, maps):
    assert convolution_shapes(dcgan.Generator(image, 5, 0, width=8), torch.randn(2, 5)) == maps


@pytest.mark.parametrize(
    ("image", "maps"),
    [
        (ImageShape(1, 16), [(8, 8, 8), (16, 4, 4), ()]),
        (MNIST, [(8, 14, 14), (16, 7, 7), (32, 3, 3), ()]),
        (ImageShape(3, 32), [(8, 16, 16), (16, 8, 8), (32, 4, 4), ()]),
        (COLOUR, [(8, 32, 32), (16, 16, 16), (32, 8, 8), (64, 4, 4), ()]),
        (ImageShape(3, 128), [(8, 64, 64), (16, 32, 32), (32, 16, 16), (64, 8, 8), (128, 4, 4), ()]),
        (ImageShape(3, 256), [(8, 128, 128), (16, 64, 64), (32, 32, 32), (64, 16, 16), (128, 8, 8), (256, 4, 4), ()]),
    ],
)
def test_shapes_of_the_discriminator(image, maps):
    images = torch.randn(2, image.channels, image.size, image.size)
    assert convolution_shapes(dcgan.Discriminator(image, 0, width=8), images) == maps


def test_parameter_counts_at_64_pixels_equal_hand_calculation():
    kernels = 16 * (100 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 3)
    assert parameter_count(dcgan.Generator(COLOUR, 100, 0)) == kernels + 2 * (512 + 256 + 128 + 64) == 3_576_704
    kernels = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512)
    assert parameter_count(dcgan.Discriminator(COLOUR, 0)) == kernels + 2 * (128 + 256 + 512) == 2_765_568


def test_parameter_counts_at_28_pixels_equal_hand_calculation():
    kernels = 16 * 100 * 256 + 9 * 256 * 128 + 16 * (128 * 64 + 64)
    assert parameter_count(dcgan.Generator(MNIST, 100, 0)) == kernels + 2 * (256 + 128 + 64)
    kernels = 16 * (64 + 64 * 128 + 128 * 256) + 9 * 256
    assert parameter_count(dcgan.Discriminator(MNIST, 0)) == kernels + 2 * (128 + 256)


def test_parameter_names_at_64_pixels_equal_those_in_the_document():
    names = [name for name, _ in dcgan.Generator(COLOUR, 100, 0).main.named_parameters()]
    convolutions, norms = [0, 3, 6, 9, 12], [1, 4, 7, 10]
    expected = {f"{index}.weight" for index in convolutions + norms} | {f"{index}.bias" for index in norms}
    assert set(names) == expected


@pytest.mark.parametrize("norm", ["none", "spectral"])
def test_convolutions_have_a_bias_if_the_normalisation_has_no_shift(norm):
    discriminator = dcgan.Discriminator(MNIST, 0, width=4, norm=norm)
    assert all(m.bias is not None for m in discriminator.modules() if isinstance(m, nn.Conv2d))


def test_the_first_convolution_of_the_discriminator_is_not_normalised():
    kinds = [type(layer) for layer in dcgan.Discriminator(MNIST, 0).features]
    convolution, batch, leaky = Conv2d, nn.BatchNorm2d, nn.LeakyReLU
    assert kinds == [convolution, leaky, convolution, batch, leaky, convolution, batch, leaky]


def test_the_first_convolution_is_normalised_on_request():
    kinds = [type(layer) for layer in dcgan.Discriminator(MNIST, 0, normalise_first=True).features]
    assert kinds == [Conv2d, nn.BatchNorm2d, nn.LeakyReLU] * 3


def test_dropout_follows_every_convolution_of_the_discriminator():
    discriminator = dcgan.Discriminator(MNIST, 0, width=4, dropout=0.25)
    assert [m.p for m in discriminator.modules() if isinstance(m, nn.Dropout)] == [0.25] * 3
