"""GAN losses, one function per value of the setting `loss`.

Notation: x a real image, z a latent vector, a = D(x) and b = D(G(z)) logits, s the sigmoid, E the mean over the batch.
A loss whose function has the parameter `smoothing` has targets that can be smoothed; only D's loss is affected.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from ganpipe.objectives.objective import Objective, Smoothing


def bce(smoothing: Smoothing) -> Objective:
    """Non-saturating loss (Goodfellow et al. 2014, section 3), as binary cross-entropy with logits.

    D: -E[log s(a)] - E[log(1 - s(b))]. G: -E[log s(b)].
    """
    return Objective(
        discriminator=lambda real, fake: _cross_entropy(real, smoothing.real) + _cross_entropy(fake, smoothing.fake),
        generator=lambda fake, _real: _cross_entropy(fake, 1.0),
        score=torch.sigmoid,
        saturates=True,
    )


def sigmoid_bce() -> Objective:
    """The loss `bce`, computed on probabilities: a sigmoid, then binary cross-entropy.

    The same function, but the gradient vanishes where the sigmoid rounds to 0 or 1, and logarithms are at least -100.
    """
    return Objective(
        discriminator=lambda real, fake: _probability_loss(real, 1.0) + _probability_loss(fake, 0.0),
        generator=lambda fake, _real: _probability_loss(fake, 1.0),
        score=torch.sigmoid,
        saturates=True,
    )


def minimax_bce(smoothing: Smoothing) -> Objective:
    """Zero-sum game (Goodfellow et al. 2014, equation 1).

    D: -E[log s(a)] - E[log(1 - s(b))]. G: E[log(1 - s(b))].
    """
    return Objective(
        discriminator=lambda real, fake: _cross_entropy(real, smoothing.real) + _cross_entropy(fake, smoothing.fake),
        generator=lambda fake, _real: -_cross_entropy(fake, 0.0),
        score=torch.sigmoid,
        saturates=True,
    )


def least_squares(smoothing: Smoothing) -> Objective:
    """Least-squares loss with targets 1 and 0 (Mao et al. 2017, equation 9), without the factors 1/2.

    D: E[(a - 1)^2] + E[b^2]. G: E[(b - 1)^2].
    """
    return Objective(
        discriminator=lambda real, fake: _squares(real, smoothing.real) + _squares(fake, smoothing.fake),
        generator=lambda fake, _real: _squares(fake, 1.0),
        boundary=0.5,
    )


def wasserstein() -> Objective:
    """Wasserstein loss (Arjovsky et al. 2017, equation 3); D needs clipped weights or a gradient penalty.

    D: E[b] - E[a]. G: -E[b].
    """
    return Objective(
        discriminator=lambda real, fake: fake.mean() - real.mean(),
        generator=lambda fake, _real: -fake.mean(),
    )


def hinge() -> Objective:
    """Hinge loss (Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17).

    D: E[max(0, 1 - a)] + E[max(0, 1 + b)]. G: -E[b].
    """
    return Objective(
        discriminator=lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
        generator=lambda fake, _real: -fake.mean(),
    )


def relativistic() -> Objective:
    """Relativistic pairing loss (Jolicoeur-Martineau 2019; with R1 and R2 it is R3GAN, Huang et al. 2024).

    D: -E[log s(a - b)]. G: -E[log s(b - a)]. Only differences of logits are trained, so a single logit and its sign
    carry no meaning.
    """
    return Objective(
        discriminator=lambda real, fake: F.softplus(fake - real).mean(),
        generator=lambda fake, real: F.softplus(real - fake).mean(),
        paired=True,
    )


def _cross_entropy(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def _squares(logits: Tensor, target: float) -> Tensor:
    return (logits - target).square().mean()


def _probability_loss(logits: Tensor, target: float) -> Tensor:
    return F.binary_cross_entropy(torch.sigmoid(logits), torch.full_like(logits, target))
