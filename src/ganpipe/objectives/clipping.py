"""Weight clipping of a Wasserstein critic, which bounds its Lipschitz constant."""

import torch
from torch import nn


@torch.no_grad()
def clip_weights(critic: nn.Module, bound: float) -> None:
    """Clamp every parameter to [-bound, bound], in place (Arjovsky et al. 2017, algorithm 1, line 7)."""
    for parameter in critic.parameters():
        parameter.clamp_(-bound, bound)
