import torch

from ganpipe.common.types import ImageShape
from ganpipe.nets.dense_dcgan import Discriminator, Generator
from tests.nets.small_networks import convolution_shapes, parameter_count

MNIST = ImageShape(1, 28)


def test_shapes_equal_those_of_the_tutorial():
    generator, discriminator = Generator(MNIST, 100, 0), Discriminator(MNIST, 0)
    assert convolution_shapes(generator, torch.randn(2, 100)) == [(128, 7, 7), (64, 14, 14), (1, 28, 28)]
    assert convolution_shapes(discriminator, torch.randn(2, 1, 28, 28)) == [(64, 14, 14), (128, 7, 7)]


def test_parameter_counts_equal_hand_calculation():
    dense = 7 * 7 * 256
    generator = 100 * dense + 2 * dense + 25 * (256 * 128 + 128 * 64 + 64) + 2 * (128 + 64)
    assert parameter_count(Generator(MNIST, 100, 0)) == generator
    discriminator = (25 + 1) * 64 + (25 * 64 + 1) * 128 + 7 * 7 * 128 + 1
    assert parameter_count(Discriminator(MNIST, 0)) == discriminator
