"""Train state: a network with its optimiser and, if requested, the EMA of its weights."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn, optim

from ganpipe.common.distributed import average_gradients
from ganpipe.common.schedule import Schedule, value_at
from ganpipe.config import Precision, Training
from ganpipe.methods.common.ema import ExponentialMovingAverage
from ganpipe.methods.common.precision import autocast_forward
from ganpipe.nets.matmul_conv import enable_matmul


@dataclass(frozen=True)
class OptimizerSettings:
    """An optimiser of `create_optimizer` whose learning rate and decay rates may follow schedules."""

    name: str
    lr: float | Schedule
    betas: tuple[float | Schedule, float | Schedule]

    def values(self, step: int, steps: int) -> tuple[float, tuple[float, float]]:
        """Return learning rate and betas at a step (from 0) of `steps`."""
        first, second = (value_at(beta, step, steps) for beta in self.betas)
        return value_at(self.lr, step, steps), (first, second)

    def apply(self, optimizer: optim.Optimizer, step: int, steps: int) -> None:
        """Set the values of that step in the optimiser; SGD uses the first beta as momentum, RMSprop none."""
        lr, betas = self.values(step, steps)
        changed: dict[str, Any] = {"lr": lr}
        if self.name == "adam":
            changed["betas"] = betas
        elif self.name == "sgd":
            changed["momentum"] = betas[0]
        for group in optimizer.param_groups:
            group.update(changed)


class TrainState:
    """A network with its optimiser and EMA. Outputs are float32 whatever the precision that the network runs in.

    settings: of the optimiser, for its schedules; None: its values are constant.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: optim.Optimizer,
        ema: ExponentialMovingAverage | None,
        precision: Precision = "float32",
        settings: OptimizerSettings | None = None,
    ) -> None:
        self.network, self.optimizer, self.ema, self._precision = network, optimizer, ema, precision
        self._settings = settings

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        """Run the network in the configured precision."""
        return self.run(self.network, *inputs)

    def run(self, method: Callable[..., Tensor], *inputs: Tensor | None) -> Tensor:
        """Run a method of the network in the configured precision."""
        device = next(self.network.parameters()).device
        return autocast_forward(method, *inputs, precision=self._precision, device=device)

    def set_step(self, step: int, steps: int) -> None:
        """Set the optimiser's learning rate and decay rates for a step (from 0) of `steps`."""
        if self._settings:
            self._settings.apply(self.optimizer, step, steps)

    @property
    def eval_network(self) -> nn.Module:
        """The network with EMA weights if they are kept, else the trained network."""
        return self.ema.network if self.ema else self.network

    def state_dict(self) -> dict[str, Any]:
        """Return weights, optimiser state and EMA."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": self.ema.network.state_dict() if self.ema else None,
            "ema_updates": self.ema.updates if self.ema else 0,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state returned by `state_dict`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.ema:
            self.ema.network.load_state_dict(state["ema"])
            self.ema.updates = state["ema_updates"]


def build_train_state(training: Training, network: nn.Module, device: torch.device) -> TrainState:
    """Move a network to `device` and give it the optimiser of the settings and, if `ema` is set, an EMA."""
    network = _prepare(training, network, device)
    ema = ExponentialMovingAverage(network, training.ema) if training.ema else None
    settings = OptimizerSettings(training.optimizer, training.lr, training.betas)
    return TrainState(network, _build_optimizer(training, network, settings), ema, training.precision, settings)


def build_discriminator_state(training: Training, network: nn.Module, device: torch.device) -> TrainState:
    """Do the same for a discriminator, which may have its own optimiser and learning rate and never an EMA."""
    network = _prepare(training, network, device)
    name = training.optimizer_discriminator or training.optimizer
    settings = OptimizerSettings(name, training.lr_discriminator or training.lr, training.betas)
    return TrainState(network, _build_optimizer(training, network, settings), None, training.precision, settings)


def create_optimizer(
    name: str, parameters: Iterable[nn.Parameter], lr: float, betas: tuple[float, float]
) -> optim.Optimizer:
    """Return `adam` with both betas, `rmsprop` with PyTorch's defaults, or `sgd` with momentum `betas[0]`.

    Adam and SGD are fused: one kernel updates all parameters, with the same result.
    """
    match name:
        case "adam":
            return optim.Adam(parameters, lr=lr, betas=betas, fused=True)
        case "rmsprop":
            return optim.RMSprop(parameters, lr=lr)
        case "sgd":
            return optim.SGD(parameters, lr=lr, momentum=betas[0], fused=True)
    raise ValueError(f"optimizer: {name!r} is unknown. Use adam, rmsprop or sgd.")


def optimizer_step(loss: Tensor, *states: TrainState) -> None:
    """Backpropagate the loss, update every state's network with its optimiser, then its EMA."""
    for state in states:
        state.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    for state in states:
        state.optimizer.step()
        if state.ema:
            state.ema.update(state.network)


@torch.no_grad()
def eval_forward(network: nn.Module, *inputs: Tensor | None) -> Tensor:
    """Run the network in eval mode without gradients, then restore the mode of each submodule."""
    modes = {module: module.training for module in network.modules()}
    result: Tensor = network.eval()(*inputs)
    for module, mode in modes.items():
        module.training = mode
    return result


def _build_optimizer(training: Training, network: nn.Module, settings: OptimizerSettings) -> optim.Optimizer:
    optimizer = create_optimizer(settings.name, network.parameters(), *settings.values(0, 1))
    average_gradients(optimizer, training.processes)
    return optimizer


def _prepare(training: Training, network: nn.Module, device: torch.device) -> nn.Module:
    """Move the network to the device, channels-last, and enable matrix-product convolutions if `lowering` is set."""
    if training.lowering:
        enable_matmul(network)
    moved: nn.Module = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return moved
