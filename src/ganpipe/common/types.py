"""The vocabulary of typed settings: each name is a Python type with the range that makes sense for it.

Networks annotate their keyword-only options with these names; `plan` reads the annotations from the source and
checks `params.yaml` against them without importing torch.
"""

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1)]
Widths = Annotated[tuple[Count, ...], Field(min_length=1)]
Norm = Literal["batch", "instance", "none"]
CriticNorm = Literal["batch", "instance", "spectral", "none"]
Activation = Literal["relu", "leaky_relu"]
Direction = Literal["lower", "higher", "real"]
"""Which value of a metric is better; `real`: the closer to the value of real images, the better."""


class ImageShape(NamedTuple):
    """Shape of one square image: `channels` x `size` x `size`."""

    channels: int
    size: int
