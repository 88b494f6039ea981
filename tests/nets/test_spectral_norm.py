"""`norm: spectral` bounds the spectral norm of every weight of a discriminator, which bounds a Wasserstein critic."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from ganpipe.common.types import ImageShape
from ganpipe.nets.initialisation import dcgan_init
from ganpipe.nets.joint import JointDiscriminator
from tests.nets import small_networks

IMAGE = ImageShape(1, 28)
NETWORKS = [n for n in small_networks.NETWORKS if "spectral" in small_networks.norms(n, "Discriminator")]


def discriminators() -> Iterator[tuple[str, nn.Module]]:
    yield "joint", JointDiscriminator(IMAGE, small_networks.LATENT, width=4, norm="spectral")
    for network in NETWORKS:
        for classes in (0, small_networks.CLASSES):
            yield f"{network} {classes}", small_networks.discriminator(network, IMAGE, classes, "spectral")


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    """Effective weight matrices, convolution kernels flattened to (outputs, inputs)."""
    layers = {name: m for name, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.Linear | nn.Embedding)}
    return {name: layer.weight.flatten(1) for name, layer in layers.items()}


DISCRIMINATORS = dict(discriminators())


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_every_weight_has_spectral_norm_one(name: str) -> None:
    network = DISCRIMINATORS[name]
    dcgan_init(network)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, parametrize.ParametrizationList):
                module.original.mul_(30)
        for _ in range(200):  # power iterations
            weights(network)
    norms = {key: torch.linalg.matrix_norm(weight, 2).item() for key, weight in weights(network.eval()).items()}
    assert len(norms) == sum(parameter.ndim > 1 for parameter in network.parameters())
    assert norms == pytest.approx(dict.fromkeys(norms, 1.0), abs=0.02)


def test_all_networks_with_the_option_are_covered() -> None:
    assert set(NETWORKS) >= {"dcgan", "dcgan_deep", "resnet"}
