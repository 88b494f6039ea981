"""What a GAN loss is: a pair of functions of logits, and how a logit is to be read."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Smoothing:
    """Targets of the discriminator (Salimans et al. 2016).

    One-sided smoothing moves `real` below 1, two-sided smoothing also moves `fake` above 0.
    """

    real: float = 1.0
    fake: float = 0.0


def identity(logits: Tensor) -> Tensor:
    """Report a logit as it is."""
    return logits


@dataclass(frozen=True)
class Objective:
    """The losses of the two players, each a scalar to be minimised, from logits of shape (N,).

    discriminator: (real_logits, fake_logits) -> loss of D.
    generator: (fake_logits, real_logits) -> loss of G; looks at `real_logits` only when `paired`.
    score: what is reported as D(x) for a logit.
    boundary: the logit above which D takes an image for real.
    """

    discriminator: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    score: Callable[[Tensor], Tensor] = identity
    boundary: float = 0.0
    paired: bool = False
