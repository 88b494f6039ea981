"""Networks by the name of the setting: classes of the module `nets/<name>.py`."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import nn

from ganpipe.common.types import ImageShape


def build_generator(
    network: str, image: ImageShape, latent: int, classes: int, options: Mapping[str, Any]
) -> nn.Module:
    """A generator with fresh weights; `classes` 0 for one that is not told classes."""
    built: nn.Module = _module(network).Generator(image, latent, classes, **options)
    return built


def build_discriminator(network: str, image: ImageShape, classes: int, options: Mapping[str, Any]) -> nn.Module:
    """A discriminator with fresh weights; `classes` 0 for one that is not told classes."""
    built: nn.Module = _module(network).Discriminator(image, classes, **options)
    return built


def build_denoiser(network: str, image: ImageShape, classes: int, options: Mapping[str, Any]) -> nn.Module:
    """A denoiser with fresh weights; `classes` 0 for one that is not told classes."""
    built: nn.Module = _module(network).Denoiser(image, classes, **options)
    return built


def _module(network: str) -> Any:
    # The name becomes part of an import, so it must be no more than a name.
    if not network.isidentifier():
        raise ValueError(f"not the name of a network: {network!r}")
    return import_module(f"ganpipe.nets.{network}")
