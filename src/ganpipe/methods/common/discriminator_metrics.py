"""What an adversarial training records of each step: the same for every family that plays the game."""

import torch
from torch import Tensor

from ganpipe.methods.common.protocol import Scalars
from ganpipe.objectives.objective import Objective

NAMES = ("loss_d", "loss_g", "d_real", "d_fake_1", "d_fake_2", "acc_real", "acc_fake")


@torch.no_grad()
def discriminator_metrics(
    objective: Objective, loss_d: Tensor, loss_g: Tensor, real: Tensor, fake: Tensor, fake_after: Tensor
) -> Scalars:
    """Both losses, D(x), D(G(z)) before the discriminator's step and after it, and the shares judged rightly.

    real, fake, fake_after: logits (N,) of real images, of generated ones, and of these after the step.
    """
    outputs = (objective.score(logits).mean() for logits in (real, fake, fake_after))
    right = (real > objective.boundary, fake <= objective.boundary)
    accuracies = (verdicts.float().mean() for verdicts in right)
    return dict(zip(NAMES, (loss_d.detach(), loss_g.detach(), *outputs, *accuracies), strict=True))
