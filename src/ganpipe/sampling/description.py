"""The two files that a generator is kept in, and what `model.json` says of it."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from ganpipe.common.types import ImageShape

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = "generator.safetensors"
DESCRIPTION = "model.json"
_RANGES = {"latent": (1, 1 << 22), "classes": (0, 10_000), "channels": (1, 16), "size": (1, 1024)}
_LONGEST = 1 << 20  # steps of a sampler


@dataclass(frozen=True)
class Description:
    """Enough to rebuild a generator and to read its output.

    network, options: the network's name and the keyword options of its class.
    latent: how many numbers of noise become one image.
    classes: 0 when the generator is not told which class to make.
    range: "signed", pixels are (x + 1) / 2 * 255, or "unit", pixels are x * 255; both clipped to [0, 255].
    sampler: the module of `ganpipe.sampling.samplers` that makes images with the network; sampling: its own settings.
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
        """Shape of one image."""
        return ImageShape(self.channels, self.size)

    def build(self) -> "nn.Module":
        """A module with fresh weights: noise (N, latent), labels (N,) or None -> images (N, C, H, W).

        Raises ValueError for a sampler that cannot be a name, and for numbers beyond any generator's.
        """
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise ValueError(f"{name} must be a number from {least} to {most}, not {value!r}")
        if any(value > _LONGEST for value in self.sampling.values()):
            raise ValueError(f"a sampler takes at most {_LONGEST} steps, not {self.sampling}")
        # The name becomes part of an import, so it must be no more than a name.
        if not self.sampler.isidentifier():
            raise ValueError(f"not the name of a sampler: {self.sampler!r}")
        built: nn.Module = import_module(f"ganpipe.sampling.samplers.{self.sampler}").build(self)
        return built
