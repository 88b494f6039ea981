"""A network under training: with its optimiser, and with its averaged weights where they are kept."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn, optim

from ganpipe.common.distributed import average_gradients
from ganpipe.config import Precision, Training
from ganpipe.methods.common.ema import AveragedWeights
from ganpipe.methods.common.precision import computed
from ganpipe.nets.lowering import lower


class TrainState:
    """A network and what changes its weights; under training it is called through this, in the precision chosen."""

    def __init__(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: AveragedWeights | None,
        precision: Precision = "float32",
    ) -> None:
        self.network, self.optimizer, self.average, self._precision = network, optimizer, average, precision

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        """What the network makes of the inputs, float32 whatever it was computed in."""
        return computed(self.network, *inputs, precision=self._precision)

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


def train_state(training: Training, network: nn.Module, device: torch.device) -> TrainState:
    """A network on `device` with the optimiser of the settings, and with averaged weights where they ask for them."""
    network = _prepared(training, network, device)
    average = AveragedWeights(network, training.ema) if training.ema else None
    return TrainState(
        network, _optimizer(training, network, training.optimizer, training.lr), average, training.precision
    )


def discriminator_state(training: Training, network: nn.Module, device: torch.device) -> TrainState:
    """A discriminator on `device` with an optimiser of its own where the settings name one; never averaged."""
    network = _prepared(training, network, device)
    name = training.optimizer_discriminator or training.optimizer
    lr = training.lr_discriminator or training.lr
    return TrainState(network, _optimizer(training, network, name, lr), None, training.precision)


def _optimizer(training: Training, network: nn.Module, name: str, lr: float) -> torch.optim.Optimizer:
    optimizer = build_optimizer(name, network.parameters(), lr, training.betas)
    average_gradients(optimizer, training.processes)
    return optimizer


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


def _prepared(training: Training, network: nn.Module, device: torch.device) -> nn.Module:
    """The network in the form that trains fastest; the numbers are the same."""
    if training.lowering:
        lower(network)
    placed: nn.Module = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return placed


def optimizer_step(loss: Tensor, *learners: TrainState) -> None:
    """Take one step of each learner down the gradient of a common loss."""
    for train_state in learners:
        train_state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    for train_state in learners:
        train_state.optimizer.step()
        if train_state.average:
            train_state.average.update(train_state.network)


@torch.no_grad()
def eval_forward(network: nn.Module, *inputs: Tensor | None) -> Tensor:
    """What the network makes of the inputs in evaluation mode; every part of it keeps the mode that it is in."""
    modes = {module: module.training for module in network.modules()}
    result: Tensor = network.eval()(*inputs)
    for module, mode in modes.items():
        module.training = mode
    return result
