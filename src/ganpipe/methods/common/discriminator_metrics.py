"""The scalars that every adversarial method records per step."""

import torch
from torch import Tensor

from ganpipe.methods.common.protocol import Scalars
from ganpipe.objectives.objective import Objective

NAMES = ("loss_d", "loss_g", "d_real", "d_fake_1", "d_fake_2", "acc_real", "acc_fake")


@torch.no_grad()
def discriminator_metrics(
    objective: Objective, loss_d: Tensor, loss_g: Tensor, real: Tensor, fake: Tensor, fake_after: Tensor
) -> Scalars:
    """Return both losses, the mean scores and the accuracies of D, all 0-dimensional.

    real, fake: logits (N,) of real and generated images before the update of D; fake_after: of the same generated
    images after it. `d_real`, `d_fake_1` and `d_fake_2` are their mean scores; `acc_real` and `acc_fake` the fractions
    of `real` and `fake` that D classifies correctly.
    """
    scores = (objective.score(logits).mean() for logits in (real, fake, fake_after))
    correct = (real > objective.boundary, fake <= objective.boundary)
    accuracies = (values.float().mean() for values in correct)
    return dict(zip(NAMES, (loss_d.detach(), loss_g.detach(), *scores, *accuracies), strict=True))
