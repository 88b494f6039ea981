"""Small instances of every generator and discriminator, for all sizes and options in their signatures."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

import ganpipe.nets
from ganpipe.common.types import CriticNorm, ImageShape, Norm
from ganpipe.nets.registry import build_discriminator, build_generator

LATENT = 6
CLASSES = 3
ANY_SIZE = (16, 28, 256)
SMALL: dict[str, dict[str, Any]] = {"mlp": {"hidden": (8, 12)}}
NARROW = {"width": 4}


def _networks() -> list[str]:
    folder = Path(ganpipe.nets.__path__[0])
    modules = {path.stem: import_module(f"ganpipe.nets.{path.stem}") for path in sorted(folder.glob("*.py"))}
    return [name for name, module in modules.items() if hasattr(module, "Discriminator")]


NETWORKS = _networks()


def sizes(network: str) -> tuple[int, ...]:
    return getattr(import_module(f"ganpipe.nets.{network}"), "SIZES", ANY_SIZE)


def norms(network: str, role: str) -> tuple[str | None, ...]:
    """Values of the option `norm`; one None for a network without that option."""
    options = inspect.signature(getattr(import_module(f"ganpipe.nets.{network}"), role)).parameters
    return get_args(CriticNorm if role == "Discriminator" else Norm) if "norm" in options else (None,)


def generator(network: str, image: ImageShape, classes: int = 0, norm: str | None = None) -> nn.Module:
    torch.manual_seed(0)
    return build_generator(network, image, LATENT, classes, _options(network, norm))


def discriminator(network: str, image: ImageShape, classes: int = 0, norm: str | None = None) -> nn.Module:
    torch.manual_seed(1)
    return build_discriminator(network, image, classes, _options(network, norm))


def labels_for(count: int, classes: int) -> Tensor | None:
    return torch.arange(count) % classes if classes else None


def parameter_count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def convolution_shapes(network: nn.Module, *inputs: Tensor) -> list[tuple[int, ...]]:
    """Output shapes, without the batch dimension, of the network's convolutions in the order of execution."""
    shapes: list[tuple[int, ...]] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:])))
    network(*inputs)
    return shapes


def _options(network: str, norm: str | None) -> dict[str, Any]:
    return SMALL.get(network, NARROW) | ({"norm": norm} if norm else {})
