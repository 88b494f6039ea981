import pytest
import torch
from torch import nn

from ganpipe.common.types import ImageShape
from ganpipe.nets.mlp import Discriminator, Generator
from tests.nets.small_networks import parameter_count

MNIST = ImageShape(1, 28)


def test_parameter_counts_equal_hand_calculation():
    assert parameter_count(Generator(MNIST, 100, 0)) == 101 * 256 + 257 * 512 + 513 * 784
    assert parameter_count(Discriminator(MNIST, 0)) == 785 * 512 + 513 * 256 + 257


def test_hidden_layers_have_leaky_relu_and_dropout():
    generator = Generator(MNIST, 100, 0, hidden=(256, 512, 1024), activation="leaky_relu", dropout=0.3)
    discriminator = Discriminator(MNIST, 0, hidden=(1024, 512, 256), dropout=0.3)
    for network in (generator, discriminator):
        kinds = [type(module) for module in network.modules()]
        assert kinds.count(nn.Linear) == 4
        assert kinds.count(nn.LeakyReLU) == 3
        assert kinds.count(nn.Dropout) == 3
    assert {m.negative_slope for m in generator.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert {m.p for m in discriminator.modules() if isinstance(m, nn.Dropout)} == {0.3}


def test_the_generator_equals_its_layers_written_out():
    torch.manual_seed(0)
    generator = Generator(ImageShape(2, 5), 4, 0, hidden=(3,))
    first, last = (module for module in generator.modules() if isinstance(module, nn.Linear))
    z = torch.randn(6, 4)
    expected = torch.tanh(last(torch.relu(first(z)))).reshape(6, 2, 5, 5)
    torch.testing.assert_close(generator(z), expected)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_dropout_is_random_in_training_mode_only(dropout):
    torch.manual_seed(0)
    discriminator = Discriminator(MNIST, 0, dropout=dropout)
    images = torch.randn(4, 1, 28, 28)
    assert torch.equal(discriminator(images), discriminator(images)) == (dropout == 0)
    discriminator.eval()
    assert torch.equal(discriminator(images), discriminator(images))
