"""Cost of a generator in counts that do not depend on the machine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass(frozen=True)
class Sampler:
    """A generator whose cost is counted: its network, and `draw(n)`, which generates n images with it."""

    network: nn.Module
    draw: Callable[[int], Tensor]


def parameters(network: nn.Module) -> int:
    """Return the number of trainable values in the network."""
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(draw: Callable[[int], Tensor]) -> int:
    """Count the multiply-adds of convolutions and matrix products needed for one image, over all network passes."""
    with _FlopCounter() as counter, torch.no_grad():
        draw(1)
    return int(counter.flops) // 2


class _FlopCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sum of PyTorch's own operation counts over the executed operations.

    Equals torch.utils.flop_counter.FlopCounterMode, which would import the compiler: one second per evaluation.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here; True would import the compiler

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Execute an operation and add its count."""
        from torch.utils.flop_counter import flop_registry  # takes 0.2 s, and only this metric needs it

        keywords = kwargs or {}
        out = func(*args, **keywords)
        if formula := flop_registry.get(func._overloadpacket):
            self.flops += formula(*args, **keywords, out_val=out)
        return out
