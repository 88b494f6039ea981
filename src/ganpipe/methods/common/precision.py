"""Mixed precision: the numeric format in which networks run during training."""

import torch
from torch import Tensor, nn

from ganpipe.config import Precision

BFLOAT16_DEVICES = frozenset({"cuda"})
"""Device types that run in bfloat16 on request; on others it would be slower than float32."""


def uses_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Return True if networks on the device run in bfloat16."""
    return precision == "bfloat16" and device.type in BFLOAT16_DEVICES


def autocast_forward(network: nn.Module, *inputs: Tensor | None, precision: Precision) -> Tensor:
    """Run a network, under bfloat16 autocast if precision and device say so; the output is always float32.

    Weights, losses, penalties, EMA and optimisers stay in float32. Autocast covers a single forward pass, so no cast
    copy of a weight outlives an optimiser step, and losses that autocast rejects on CUDA (binary cross-entropy of
    probabilities) get float32. bfloat16 has the exponent range of float32, so gradients do not underflow and no loss
    scaling is needed.
    """
    device = next(network.parameters()).device
    if not uses_bfloat16(precision, device):
        output: Tensor = network(*inputs)
        return output
    with torch.autocast(device.type, torch.bfloat16):
        reduced: Tensor = network(*inputs)
    return reduced.float()
