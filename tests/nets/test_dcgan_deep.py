import torch
from torch import nn

from ganpipe.common.types import ImageShape
from ganpipe.nets.dcgan_deep import Discriminator, Generator
from tests.nets.small_networks import convolution_shapes

MNIST = ImageShape(1, 28)


def test_the_generator_normalises_four_of_five_transposed_convolutions():
    generator = Generator(MNIST, 5, 0, width=8)
    assert convolution_shapes(generator, torch.randn(2, 5)) == [
        (32, 4, 4),
        (16, 7, 7),
        (16, 7, 7),
        (8, 14, 14),
        (1, 28, 28),
    ]
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in generator.modules()) == 4


def test_the_discriminator_has_three_normalised_convolutions_and_one_logit():
    discriminator = Discriminator(MNIST, 0, width=8)
    assert convolution_shapes(discriminator, torch.randn(2, 1, 28, 28)) == [(8, 14, 14), (16, 7, 7), (32, 3, 3), ()]
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in discriminator.modules()) == 3
