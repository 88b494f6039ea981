"""Optimisers by the name of the setting."""

from collections.abc import Iterable

from torch import nn, optim


def build_optimizer(
    name: str, parameters: Iterable[nn.Parameter], lr: float, betas: tuple[float, float]
) -> optim.Optimizer:
    """`adam` with its two betas, `rmsprop` with PyTorch's defaults, or `sgd` whose momentum is the first beta.

    Adam and SGD update all parameters in one fused call, which computes the same as their plain forms.
    """
    match name:
        case "adam":
            return optim.Adam(parameters, lr=lr, betas=betas, fused=True)
        case "rmsprop":
            return optim.RMSprop(parameters, lr=lr)
        case "sgd":
            return optim.SGD(parameters, lr=lr, momentum=betas[0], fused=True)
    raise ValueError(f"unknown optimizer {name}")
