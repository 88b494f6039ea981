import pytest
import torch
from torch import nn

from ganpipe.common.types import ImageShape
from ganpipe.nets.dcgan import Discriminator, Generator
from ganpipe.nets.initialisation import dcgan_init

COLOUR = ImageShape(3, 64)


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_convolutions_and_normalisation_layers_are_initialised(norm):
    torch.manual_seed(0)
    generator = Generator(COLOUR, 100, 0, norm=norm)
    dcgan_init(generator)
    for module in generator.modules():
        if isinstance(module, nn.ConvTranspose2d):
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.05)
            assert abs(module.weight.mean().item()) < 0.002
        elif isinstance(module, nn.BatchNorm2d | nn.InstanceNorm2d):
            assert module.weight.mean().item() == pytest.approx(1, abs=0.01)
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.5)
            assert not module.bias.any()


def test_other_layers_and_biases_are_unchanged():
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Linear(4, 5), nn.BatchNorm2d(3, affine=False))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    dcgan_init(network)
    after = network.state_dict()
    assert {name for name in after if not torch.equal(after[name], before[name])} == {"0.weight"}


def test_initialised_convolutions_with_spectral_norm_have_norm_one():
    torch.manual_seed(0)
    discriminator = Discriminator(COLOUR, 0, width=16, norm="spectral")
    dcgan_init(discriminator)
    discriminator.eval()
    for module in discriminator.modules():
        if isinstance(module, nn.Conv2d):
            drawn = module.parametrizations.weight.original
            assert drawn.std().item() == pytest.approx(0.02, rel=0.1)
            assert torch.linalg.matrix_norm(module.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.1)


def test_the_global_seed_determines_the_weights():
    def drawn(seed: int) -> torch.Tensor:
        network = nn.Conv2d(2, 3, 3)
        torch.manual_seed(seed)
        dcgan_init(network)
        return network.weight

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
