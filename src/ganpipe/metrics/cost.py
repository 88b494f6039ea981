"""What a generator costs, in counts that do not depend on the machine."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Sampler:
    """A generator to be counted: its network, and how `draw(n)` makes n images with it."""

    network: nn.Module
    draw: Callable[[int], Tensor]


def parameters(network: nn.Module) -> int:
    """Number of trained values in the network."""
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(draw: Callable[[int], Tensor]) -> int:
    """Multiply-adds of convolutions and matrix products while one image is made, over as many passes as that takes."""
    from torch.utils.flop_counter import FlopCounterMode  # brings in a compiler: 0.2 s that few stages need

    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        draw(1)
    return int(counter.get_total_flops()) // 2
