"""Find network classes by name: the setting `network` is a module of `ganpipe.nets`.

`classes` is 0 for an unconditional network. Weights are drawn from torch's global random generator.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import nn

from ganpipe.common.types import ImageShape


def build_generator(
    network: str, image: ImageShape, latent: int, classes: int, options: Mapping[str, Any]
) -> nn.Module:
    """Return a `Generator` with new weights."""
    generator: nn.Module = _module(network).Generator(image, latent, classes, **options)
    return generator


def build_discriminator(network: str, image: ImageShape, classes: int, options: Mapping[str, Any]) -> nn.Module:
    """Return a `Discriminator` with new weights."""
    discriminator: nn.Module = _module(network).Discriminator(image, classes, **options)
    return discriminator


def build_denoiser(network: str, image: ImageShape, classes: int, options: Mapping[str, Any]) -> nn.Module:
    """Return a `Denoiser` with new weights."""
    denoiser: nn.Module = _module(network).Denoiser(image, classes, **options)
    return denoiser


def _module(network: str) -> Any:
    # The name becomes part of an import, and model.json may come from elsewhere: only a plain identifier is safe.
    if not network.isidentifier():
        raise ValueError(f"network: {network!r} is not a valid name. Use the name of a module in ganpipe.nets.")
    return import_module(f"ganpipe.nets.{network}")
