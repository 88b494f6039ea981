"""Base class of the methods that train networks of their own."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from ganpipe.methods.common.train_state import TrainState
from ganpipe.sampling.description import Description


class BaseMethod:
    """Implements `Method` for named train states; subclasses add `step`.

    image_network: name of the state whose network generates the images.
    """

    batches_per_step = 1

    def __init__(self, states: Mapping[str, TrainState], image_network: str, description: Description) -> None:
        self._states, self._image_network, self._description = states, image_network, description

    def set_step(self, step: int, steps: int) -> None:
        """See `Method`."""
        for state in self._states.values():
            state.set_step(step, steps)

    def networks(self) -> dict[str, nn.Module]:
        """See `Method`."""
        return {name: state.network for name, state in self._states.items()}

    def image_generator(self) -> nn.Module:
        """See `Model`."""
        return self._states[self._image_network].eval_network

    def description(self) -> Description:
        """See `Model`."""
        return self._description

    def state_dict(self) -> dict[str, Any]:
        """See `Method`."""
        return {name: state.state_dict() for name, state in self._states.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """See `Method`."""
        for name, train_state in self._states.items():
            train_state.load_state_dict(state[name])
