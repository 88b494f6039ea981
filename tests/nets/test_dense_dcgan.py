import torch

from ganpipe.common.types import ImageShape
from ganpipe.nets.dense_dcgan import Discriminator, Generator
from tests.nets.gallery import maps_of, parameters

MNIST = ImageShape(1, 28)


def test_maps_of_the_tutorial():
    generator, discriminator = Generator(MNIST, 100, 0), Discriminator(MNIST, 0)
    assert maps_of(generator, torch.randn(2, 100)) == [(128, 7, 7), (64, 14, 14), (1, 28, 28)]
    assert maps_of(discriminator, torch.randn(2, 1, 28, 28)) == [(64, 14, 14), (128, 7, 7)]


def test_parameter_counts_by_hand():
    dense = 7 * 7 * 256
    generator = 100 * dense + 2 * dense + 25 * (256 * 128 + 128 * 64 + 64) + 2 * (128 + 64)
    assert parameters(Generator(MNIST, 100, 0)) == generator
    discriminator = (25 + 1) * 64 + (25 * 64 + 1) * 128 + 7 * 7 * 128 + 1
    assert parameters(Discriminator(MNIST, 0)) == discriminator
