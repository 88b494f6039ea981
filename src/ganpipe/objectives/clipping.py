"""The clipping of a Wasserstein critic's weights, which bounds how steep the critic can be."""

import torch
from torch import nn


@torch.no_grad()
def clip_weights(critic: nn.Module, bound: float) -> None:
    """Hold every parameter in [-bound, bound], in place, after each step (Arjovsky et al. 2017, algorithm 1)."""
    for parameter in critic.parameters():
        parameter.clamp_(-bound, bound)
