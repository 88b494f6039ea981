"""Networks of equal architecture stacked into one, so that each layer costs one call instead of one per network."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.utils import parametrize

from ganpipe.nets.matmul_conv import enable_matmul


class StackedNetwork(nn.Module):
    """Members that differ only in their weights: (members, N, ...) -> (members, N, ...), one slice per member.

    All weights form one matrix with one row per member. Element-wise operations on it (optimiser step, EMA, clipping)
    therefore have the same effect as on each member separately.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        template = copy.deepcopy(members[0]).to("meta")
        enable_matmul(template, False)  # matrix products are faster for one network, but not for grouped convolutions
        self._template = (template,)  # in a tuple, so that its parameters are not registered here
        self._shapes = {name: _channels_last(weight).shape for name, weight in template.named_parameters()}
        rows = [torch.cat([_channels_last(weight).flatten() for weight in member.parameters()]) for member in members]
        self.weights = nn.Parameter(torch.stack(rows).detach())
        for name, _ in template.named_buffers():
            # Flattened, because a module with 5-dimensional tensors cannot be converted to channels-last.
            buffers = [member.get_buffer(name).flatten() for member in members]
            self.register_buffer(_buffer_name(name), torch.stack(buffers).detach())

    def forward(self, *inputs: Tensor) -> Tensor:
        """Run every member on its slice of each input."""
        template = self._template[0].train(self.training)

        def run_member(weights: dict[str, Tensor], buffers: dict[str, Tensor], *inputs: Tensor) -> Tensor:
            output: Tensor = functional_call(template, (weights, buffers), inputs)
            return output

        outputs: Tensor = vmap_members(run_member, self._unflatten(self.weights), self._stacked_buffers(), *inputs)
        return outputs

    def members(self) -> list[nn.Module]:
        """Return each member as a module whose parameters and buffers are views of the stack's memory."""
        buffers = self._stacked_buffers()
        members = []
        for index, row in enumerate(self.weights.detach()):
            state = self._unflatten(row) | {name: buffer[index] for name, buffer in buffers.items()}
            member = copy.deepcopy(self._template[0])
            member.load_state_dict(state, assign=True)
            members.append(member.train(self.training))
        return members

    def _unflatten(self, rows: Tensor) -> dict[str, Tensor]:
        """Split one row, or all rows at once, into named weights."""
        parts = torch.split(rows, [shape.numel() for shape in self._shapes.values()], dim=-1)
        return {
            name: _channels_first(part.view((*part.shape[:-1], *shape)), len(shape))
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }

    def _stacked_buffers(self) -> dict[str, Tensor]:
        return {
            name: self.get_buffer(_buffer_name(name)).view((-1, *buffer.shape))
            for name, buffer in self._template[0].named_buffers()
        }


def is_stackable(network: nn.Module) -> bool:
    """Return False for networks with parametrised weights (spectral normalisation), which change when they are read."""
    return not any(parametrize.is_parametrized(module) for module in network.modules())


def vmap_members(function: Callable[..., Any], *inputs: Any) -> Any:
    """Apply a function of one member's tensors to the tensors of all members, with independent random numbers."""
    return vmap(function, randomness="different")(*inputs)


def _channels_last(weight: Tensor) -> Tensor:
    """Move the channels of a convolution weight last, the layout in which convolutions are fastest."""
    return weight.movedim(1, -1) if weight.ndim == 4 else weight


def _channels_first(weight: Tensor, dimensions: int) -> Tensor:
    """Undo `_channels_last` for a weight that may have a leading member dimension."""
    return weight.movedim(-1, -3) if dimensions == 4 else weight


def _buffer_name(name: str) -> str:
    """Replace the dots, which names of registered buffers cannot contain."""
    return name.replace(".", "/")
