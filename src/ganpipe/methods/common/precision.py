"""Mixed precision: the numeric format in which networks run during training."""

from collections.abc import Callable

import torch
from torch import Tensor

from ganpipe.config import Precision

BFLOAT16_DEVICES = frozenset({"cuda"})
"""Device types that run in bfloat16 on request; on others it would be slower than float32."""


def uses_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Return True if networks on the device run in bfloat16."""
    return precision == "bfloat16" and device.type in BFLOAT16_DEVICES


def autocast_forward(
    function: Callable[..., Tensor], *inputs: Tensor | None, precision: Precision, device: torch.device
) -> Tensor:
    """Run a network, or a method of it, under bfloat16 autocast if `uses_bfloat16`; the output is then cast to float32.

    Weights, losses, penalties, EMA and optimisers stay in float32. Autocast covers a single forward pass, so no cast
    copy of a weight outlives an optimiser step, and losses get float32 logits. bfloat16 has the exponent range of
    float32, so gradients do not underflow and no loss scaling is needed.
    """
    if not uses_bfloat16(precision, device):
        return function(*inputs)
    with torch.autocast(device.type, torch.bfloat16):
        output = function(*inputs)
    return output.float()
