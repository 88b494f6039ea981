"""Exponential moving average of a network's weights."""

import copy

import torch
from torch import Tensor, nn


class AveragedWeights:
    """A copy of a network whose weights and running statistics follow the original slowly.

    After t updates the decay is min(decay, (1 + t) / (10 + t)), so that the average forgets the random start early
    (the warm-up of TensorFlow's ExponentialMovingAverage).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).requires_grad_(False).eval()
        self.decay = decay
        self.updates = 0

    @torch.no_grad()
    def update(self, source: nn.Module) -> None:
        """Move the average towards the present weights of `source`."""
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
