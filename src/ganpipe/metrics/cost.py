"""What a generator costs, in counts that do not depend on the machine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass(frozen=True)
class Sampler:
    """A generator to be counted: its network, and how `draw(n)` makes n images with it."""

    network: nn.Module
    draw: Callable[[int], Tensor]


def parameters(network: nn.Module) -> int:
    """Number of trained values in the network."""
    return sum(parameter.numel() for parameter in network.parameters())


def multiply_adds(draw: Callable[[int], Tensor]) -> int:
    """Multiply-adds of convolutions and matrix products while one image is made, over as many passes as that takes."""
    with _Counter() as counter, torch.no_grad():
        draw(1)
    return int(counter.flops) // 2


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what PyTorch's own formulas give for the operations that are executed.

    As torch.utils.flop_counter.FlopCounterMode does; but that loads PyTorch's compiler, a second of every evaluation.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here; True would load the compiler to say so

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Execute an operation, and count it."""
        from torch.utils.flop_counter import flop_registry  # 0.2 s that few stages need

        named = kwargs or {}
        out = func(*args, **named)
        if formula := flop_registry.get(func._overloadpacket):
            self.flops += formula(*args, **named, out_val=out)
        return out
