"""A network under training: with its optimiser, and with its averaged weights where they are kept."""

from typing import Any

import torch
from torch import Tensor, nn

from ganpipe.methods.ema import AveragedWeights
from ganpipe.methods.optimizers import build_optimizer


class Learner:
    """A network, moved to `device`, and what changes its weights. ema: decay of the average; None keeps none."""

    def __init__(
        self,
        network: nn.Module,
        device: torch.device,
        optimizer: str,
        lr: float,
        betas: tuple[float, float],
        ema: float | None = None,
    ) -> None:
        # Convolutions are fastest with channels last in memory; the numbers are the same.
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedWeights(self.network, ema) if ema else None
        self.optimizer = build_optimizer(optimizer, self.network.parameters(), lr, betas)

    @property
    def best(self) -> nn.Module:
        """The averaged network where there is one, else the network itself."""
        return self.average.network if self.average else self.network

    def state(self) -> dict[str, Any]:
        """Weights, average and optimiser."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.network.state_dict() if self.average else None,
            "average_updates": self.average.updates if self.average else 0,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state that `state` gave."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average:
            self.average.network.load_state_dict(state["average"])
            self.average.updates = state["average_updates"]


def descend(loss: Tensor, *learners: Learner) -> None:
    """Take one step of each learner down the gradient of a common loss."""
    for learner in learners:
        learner.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    for learner in learners:
        learner.optimizer.step()
        if learner.average:
            learner.average.update(learner.network)


@torch.no_grad()
def evaluated(network: nn.Module, *inputs: Tensor | None) -> Tensor:
    """What the network makes of the inputs in evaluation mode; every part of it keeps the mode that it is in."""
    modes = {module: module.training for module in network.modules()}
    result: Tensor = network.eval()(*inputs)
    for module, mode in modes.items():
        module.training = mode
    return result
