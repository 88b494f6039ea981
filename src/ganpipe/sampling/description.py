"""The two files of a saved generator, and the content of `model.json`."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from ganpipe.common.types import ImageShape

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = "generator.safetensors"
DESCRIPTION = "model.json"
STATUS = "status.json"
"""How a training ended; beside its generator, and beside the samples."""
SNAPSHOTS = "snapshots"
"""Folder of the generators kept during a training, in its working folder and in its result."""
GIVEN_IMAGES = "given.npy"
"""In place of the two: images made elsewhere (N,C,H,W uint8), which have no generator."""
_RANGES = {"latent": (1, 1 << 22), "classes": (0, 10_000), "channels": (1, 16), "size": (1, 1024)}
_MAX_STEPS = 1 << 20  # of a sampler


@dataclass(frozen=True)
class Description:
    """Everything needed to rebuild a generator and to interpret its output.

    network, options: name of the network and keyword arguments of its class.
    latent: dimension of the noise vector of one image.
    classes: number of classes that the generator is conditioned on; 0 if it is unconditional.
    range: of the output x: "signed", pixels are (x + 1) / 2 * 255, or "unit", pixels are x * 255; clipped to [0, 255].
    sampler: module of `ganpipe.sampling.samplers` that generates images with the network.
    sampling: arguments of the sampler.
    """

    network: str
    options: dict[str, Any]
    latent: int
    classes: int
    channels: int
    size: int
    range: Literal["signed", "unit"]
    sampler: str = "latent"
    sampling: dict[str, Any] = field(default_factory=dict)

    @property
    def image(self) -> ImageShape:
        """Shape of a generated image."""
        return ImageShape(self.channels, self.size)

    def build(self) -> "nn.Module":
        """Build the generator with newly initialised weights.

        The module maps noise (N, latent) and labels (N,) or None to images (N, C, H, W) in `range`.
        Raises ValueError for a malformed sampler name and for numbers outside the supported ranges.
        """
        for name, (minimum, maximum) in _RANGES.items():
            value = getattr(self, name)
            if type(value) is not int or not minimum <= value <= maximum:
                raise ValueError(f"{name} must be an integer from {minimum} to {maximum}, not {value!r}")
        if any(value > _MAX_STEPS for value in self.sampling.values() if not isinstance(value, str)):
            raise ValueError(f"a sampler may use at most {_MAX_STEPS} steps, not {self.sampling}")
        # The name becomes part of an import.
        if not self.sampler.isidentifier():
            raise ValueError(f"sampler must be the name of a module, not {self.sampler!r}")
        built: nn.Module = import_module(f"ganpipe.sampling.samplers.{self.sampler}").build(self)
        return built
