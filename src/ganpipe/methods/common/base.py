"""What all families that learn have in common: named learners, one of which makes the images."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from ganpipe.methods.common.train_state import TrainState
from ganpipe.sampling.description import Description


class Family:
    """Learners by name, and the description of the image maker; what they learn is the subclass's own `step`."""

    batches_per_step = 1

    def __init__(self, learners: Mapping[str, TrainState], maker: str, description: Description) -> None:
        self._learners, self._maker, self._description = learners, maker, description

    def networks(self) -> dict[str, nn.Module]:
        """The network of every learner."""
        return {name: train_state.network for name, train_state in self._learners.items()}

    def exported(self) -> nn.Module:
        """The maker of images."""
        return self._learners[self._maker].best

    def description(self) -> Description:
        """How to rebuild it."""
        return self._description

    def state(self) -> dict[str, Any]:
        """All learners."""
        return {name: train_state.state() for name, train_state in self._learners.items()}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state that `state` gave."""
        for name, train_state in self._learners.items():
            train_state.load(state[name])
