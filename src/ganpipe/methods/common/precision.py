"""In which precision a network is computed while it learns."""

import torch
from torch import Tensor, nn

from ganpipe.config import Precision

REDUCED_ON = frozenset({"cuda"})
"""Kinds of device that compute in bfloat16 when asked to; on the others it would be slow."""


def reduces(precision: Precision, device: torch.device) -> bool:
    """Whether networks on the device are computed in bfloat16."""
    return precision == "bfloat16" and device.type in REDUCED_ON


def computed(network: nn.Module, *inputs: Tensor | None, precision: Precision) -> Tensor:
    """What the network makes of the inputs, float32.

    Only the network is computed in bfloat16, by autocast: weights, losses, penalties, averages and optimisers stay in
    float32. So no cast weight outlives the call, and none is used again after a step of the optimiser; and losses that
    autocast refuses on CUDA (the binary cross-entropy of probabilities) meet float32. bfloat16 has the exponents of
    float32, so small gradients do not vanish and no gradient scaler is needed.
    """
    device = next(network.parameters()).device
    if not reduces(precision, device):
        plain: Tensor = network(*inputs)
        return plain
    with torch.autocast(device.type, torch.bfloat16):
        result: Tensor = network(*inputs)
    return result.float()
