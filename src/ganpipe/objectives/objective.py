"""The interface of a GAN loss."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Smoothing:
    """Targets of the discriminator for real and generated images (Salimans et al. 2016, section 3.4).

    One-sided label smoothing lowers `real` below 1; two-sided smoothing also raises `fake` above 0.
    """

    real: float = 1.0
    fake: float = 0.0


def identity(logits: Tensor) -> Tensor:
    """Return the logits unchanged."""
    return logits


@dataclass(frozen=True)
class Objective:
    """The losses of discriminator D and generator G: scalars to minimise, computed from logits (N,).

    discriminator: (real_logits, fake_logits) -> loss of D.
    generator: (fake_logits, real_logits) -> loss of G; uses `real_logits` only if `paired`.
    score: maps a logit to the value that is logged as D(x).
    boundary: D classifies an image as real if its logit is above this value.
    saturates: if D classifies every image correctly, the gradient of G vanishes or becomes noise. True for losses on
        s(b), the sigmoid of a logit (Arjovsky and Bottou 2017, theorems 2.4 and 2.6: minimax and non-saturating loss).
        The gradients of other losses with respect to the logits do not vanish, so accuracy alone is no failure.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor], Tensor] = identity
    boundary: float = 0.0
    paired: bool = False
    saturates: bool = False
