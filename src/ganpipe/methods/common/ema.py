"""Exponential moving average (EMA) of a network's weights."""

import copy

import torch
from torch import Tensor, nn


class ExponentialMovingAverage:
    """A copy of a network whose weights and running statistics are exponential moving averages of the original's.

    The decay after t updates is min(decay, (1 + t) / (10 + t)), so that the random initial weights are forgotten early
    (the warm-up of TensorFlow's ExponentialMovingAverage).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, source: nn.Module) -> None:
        """Move the average towards the current weights of `source`; integer buffers are copied."""
        weight = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        averages: list[Tensor] = list(self.network.parameters())
        values: list[Tensor] = list(source.parameters())
        torch._foreach_lerp_(averages, values, weight)
        for average, value in zip(self.network.buffers(), source.buffers(), strict=True):
            if average.is_floating_point():
                average.lerp_(value, weight)
            else:
                average.copy_(value)
        self.updates += 1
