"""Many small networks of one shape computed as one, so that each layer costs one call instead of one for each."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.utils import parametrize

from ganpipe.nets.lowering import lower


class StackedNetwork(nn.Module):
    """Members that differ in nothing but their weights: (members, N, ...) -> (members, N, ...), each on its own part.

    All weights are one matrix with a row for each member. What an optimiser, an average or a clip does to each number
    by itself, it does to every member as it would to that member alone.
    """

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        template = copy.deepcopy(members[0]).to("meta")
        lower(template, False)  # what pays for one network does not for the grouped convolutions of a stack
        self._template = (template,)  # within a tuple, so that its weights do not count as weights of this module
        self._shapes = {name: _last(weight).shape for name, weight in template.named_parameters()}
        weights = [torch.cat([_last(weight).flatten() for weight in member.parameters()]) for member in members]
        self.weights = nn.Parameter(torch.stack(weights).detach())
        for name, _ in template.named_buffers():
            # Flat, as a module with tensors of five dimensions cannot be told to lay out images channels-last.
            rows = [member.get_buffer(name).flatten() for member in members]
            self.register_buffer(_plain(name), torch.stack(rows).detach())

    def forward(self, *inputs: Tensor) -> Tensor:
        """What every member makes of its part of the inputs."""
        template = self._template[0].train(self.training)

        def member(weights: dict[str, Tensor], buffers: dict[str, Tensor], *inputs: Tensor) -> Tensor:
            made: Tensor = functional_call(template, (weights, buffers), inputs)
            return made

        made: Tensor = vmap(member, randomness="different")(self._named(self.weights), self._buffers_named(), *inputs)
        return made

    def members(self) -> list[nn.Module]:
        """Each network by itself, on the memory of the stack: what is learned here is learned there."""
        buffers = self._buffers_named()
        members = []
        for place, row in enumerate(self.weights.detach()):
            state = self._named(row) | {name: buffer[place] for name, buffer in buffers.items()}
            member = copy.deepcopy(self._template[0])
            member.load_state_dict(state, assign=True)
            members.append(member.train(self.training))
        return members

    def _named(self, weights: Tensor) -> dict[str, Tensor]:
        """The parts of a row, or of all rows at once, as the weights they stand for."""
        parts = torch.split(weights, [shape.numel() for shape in self._shapes.values()], dim=-1)
        return {
            name: _first(part.view((*part.shape[:-1], *shape)), len(shape))
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }

    def _buffers_named(self) -> dict[str, Tensor]:
        return {
            name: self.get_buffer(_plain(name)).view((-1, *buffer.shape))
            for name, buffer in self._template[0].named_buffers()
        }


def stackable(network: nn.Module) -> bool:
    """Whether networks like this one can be stacked: not those that renew a weight whenever it is looked at."""
    return not any(parametrize.is_parametrized(module) for module in network.modules())


def _last(weight: Tensor) -> Tensor:
    """Channels last, where there is an image plane: convolutions are fastest with weights that lie so."""
    return weight.movedim(1, -1) if weight.ndim == 4 else weight


def _first(weight: Tensor, dimensions: int) -> Tensor:
    return weight.movedim(-1, -3) if dimensions == 4 else weight


def _plain(name: str) -> str:
    return name.replace(".", "/")


def each(function: Any, *inputs: Tensor) -> Any:
    """A function of one member's tensors, applied to the tensors of all."""
    return vmap(function, randomness="different")(*inputs)
