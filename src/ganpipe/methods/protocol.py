"""What every family of generative models offers to the one training loop."""

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

Scalars = dict[str, Tensor]


class Method(Protocol):
    """A family of models under training: networks, objective and optimisers behind four verbs.

    Random numbers come from torch's global CPU generator, whose state the loop keeps in its checkpoints.
    """

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """Take one optimisation step on images N,C,H,W in the networks' range; scalars stay on the device."""

    def sample(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Images N,C,H,W from noise N,latent, with the weights that will be exported, in evaluation mode."""

    def networks(self) -> Mapping[str, nn.Module]:
        """All networks under training, by name."""

    def exported(self) -> nn.Module:
        """The generator that is kept: its averaged weights where averages are made."""

    def state(self) -> dict[str, Any]:
        """All that a bit-exact resume needs: weights, averages, optimisers; tensors, numbers, lists and dicts."""

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state that `state` gave."""
