"""The R3GAN networks keep the scale of their features without normalisation, whatever the depth."""

import pytest
import torch
from torch import nn

from ganpipe.common.types import ImageShape
from ganpipe.nets.r3gan import Discriminator, Generator
from tests.nets.small_networks import convolution_shapes

LATENT = 16


@pytest.mark.parametrize("size", [28, 32])
@pytest.mark.parametrize("blocks", [1, 6])
def test_features_keep_their_scale_at_initialisation(size: int, blocks: int) -> None:
    torch.manual_seed(0)
    image = ImageShape(3, size)
    generator = Generator(image, LATENT, 0, width=8, blocks=blocks)
    discriminator = Discriminator(image, 0, width=8, blocks=blocks)
    with torch.no_grad():
        spread = generator.pre_tanh(torch.randn(64, LATENT)).std()
        logits = discriminator(torch.randn(64, 3, size, size))
    assert 0.1 < spread < 3 and 0.01 < logits.std() < 3


def test_there_are_no_batch_statistics() -> None:
    for network in (Generator(ImageShape(1, 28), LATENT, 0), Discriminator(ImageShape(1, 28), 0)):
        assert not any(isinstance(module, nn.modules.batchnorm._NormBase) for module in network.modules())
        assert not list(network.buffers())


def test_resolutions_of_the_maps() -> None:
    network = Generator(ImageShape(1, 28), LATENT, 0, width=8, blocks=2)
    shapes = convolution_shapes(network, torch.randn(1, LATENT))
    assert [shape[1] for shape in shapes] == [7] * 8 + [14] * 6 + [14] + [28] * 6 + [28]
    assert [shape[0] for shape in shapes] == [32] * 7 + [16] * 7 + [8] * 7 + [1]


def test_a_block_is_nearly_the_identity_at_initialisation() -> None:
    torch.manual_seed(0)
    shallow = Discriminator(ImageShape(1, 28), 0, width=8, blocks=1)
    images = torch.randn(8, 1, 28, 28)
    before = shallow.features[0](images)
    after = shallow.features[1](before)
    assert (after - before).std() < 0.03 * before.std()
