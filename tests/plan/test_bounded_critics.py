"""The planner accepts `norm: spectral` as a bound of a Wasserstein critic: it must constrain every weight."""

from collections.abc import Iterator
from importlib import import_module
from typing import get_args

import pytest
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from ganpipe.common.types import ImageShape
from ganpipe.plan.introspection import method_names, network_classes, network_names
from ganpipe.source.index import Index
from ganpipe.source.signature import constant, options_model
from tests.conftest import REPOSITORY

INDEX = Index(REPOSITORY / "src" / "ganpipe")
LATENT, CLASSES = 6, 3


def spectral_critics() -> Iterator[tuple[str, str]]:
    """Module and class of every discriminator that can be normalised spectrally."""
    for method in method_names(INDEX):
        for network in network_names(INDEX, method):
            module, name = network_classes(INDEX, method, network).get("discriminator", ("", ""))
            options = options_model(INDEX, f"nets.{module}", name).model_fields if module else {}
            if "norm" in options and "spectral" in get_args(options["norm"].annotation):
                yield module, name


def build(module: str, name: str, classes: int) -> nn.Module:
    size = (constant(INDEX, f"nets.{module}", "SIZES") or (28,))[0]
    condition = LATENT if name == "JointDiscriminator" else classes
    network: nn.Module = getattr(import_module(f"ganpipe.nets.{module}"), name)(
        ImageShape(1, size), condition, norm="spectral", width=4
    )
    return network


def unconstrained_weights(network: nn.Module) -> list[str]:
    """Weight matrices and kernels outside a parametrisation; biases and scales do not multiply features."""
    return [
        f"{path}.{name}"
        for path, module in network.named_modules()
        for name, weight in module.named_parameters(recurse=False)
        if weight.ndim > 1 and not path.endswith("parametrizations.weight")
    ]


@pytest.mark.parametrize("classes", [0, CLASSES])
@pytest.mark.parametrize(("module", "name"), sorted(set(spectral_critics())))
def test_spectral_norm_constrains_every_weight_of_a_discriminator(module: str, name: str, classes: int) -> None:
    network = build(module, name, classes)
    assert any(is_parametrized(layer) for layer in network.modules())
    assert not unconstrained_weights(network)


def test_every_critic_is_covered() -> None:
    assert {module for module, _ in spectral_critics()} >= {"dcgan", "dcgan_deep", "joint", "resnet"}


def test_unconstrained_weight_is_found() -> None:
    layers = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)), nn.Linear(2, 1))
    assert unconstrained_weights(layers) == ["1.weight"]
