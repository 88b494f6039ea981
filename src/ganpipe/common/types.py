"""Types of settings: each name is a Python type with its valid range.

Networks annotate their keyword-only options with these names. `plan` reads the annotations from the source code and
checks `params.yaml` against them without importing torch.
"""

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
NoiseLevel = Annotated[float, Field(ge=1e-4, le=1e4)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
MAX_SEED = 2**32 - 1
"""PyTorch's CPU generator uses only the lowest 32 bits of a seed: larger seeds would repeat streams."""
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Widths = Annotated[tuple[Count, ...], Field(min_length=1)]
Norm = Literal["batch", "instance", "none"]
CriticNorm = Literal["batch", "instance", "spectral", "none"]
Patch = Literal[1, 2, 4]
Activation = Literal["relu", "leaky_relu"]
Direction = Literal["lower", "higher", "real"]
"""Which value of a metric is better; `real`: the value closest to that of real images."""


class ImageShape(NamedTuple):
    """Shape of one square image: `channels` x `size` x `size` pixels."""

    channels: int
    size: int
