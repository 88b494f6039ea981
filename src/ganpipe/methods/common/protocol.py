"""What every family of generative models offers to the one training loop."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from ganpipe.sampling.description import Description

Scalars = dict[str, Tensor]


class Model(Protocol):
    """What makes images: all that is asked of one that was made before.

    The planner reads literal constants beside the class: `PARTS`, the class in `ganpipe.nets` that each section of
    network options belongs to; `SAMPLER`, the module of `ganpipe.sampling.samplers` that makes the images;
    `NEEDS_CLASSES` where data without classes is of no use; and `ONE_PROCESS` where several processes cannot share a
    training. Which settings a method understands it finds in the code: every `training.<setting>` that is reached from
    `build`.
    """

    def exported(self) -> nn.Module:
        """What makes images of noise and labels, and is kept: with averaged weights where averages are made."""

    def description(self) -> Description:
        """How to rebuild what `exported` gives."""


@runtime_checkable
class Method(Model, Protocol):
    """A model under training: networks, objective and optimisers behind a few verbs.

    Random numbers come from torch's global CPU generator, whose state the loop keeps in its checkpoints.
    """

    batches_per_step: int
    """How many times `batch_size` images one step takes."""

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """Take one optimisation step on images N,C,H,W in the networks' range; scalars stay on the device."""

    def networks(self) -> Mapping[str, nn.Module]:
        """All networks under training, by name."""

    def state(self) -> dict[str, Any]:
        """All that a bit-exact resume needs: weights, averages, optimisers; tensors, numbers, lists and dicts."""

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state that `state` gave."""


@runtime_checkable
class ReconstructionMethod(Protocol):
    """A method that can also bring an image to its latent space and back."""

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images N,C,H,W -> what the model makes of them, the same shape and range."""


@runtime_checkable
class PerClassMethod(Protocol):
    """A method that trains each class of the data apart; every batch must hold as many images of each.

    panel_every: epochs between two panels of real beside generated images.
    even_loss: the generator's loss where the discriminator cannot tell real from generated.
    """

    classes: int
    panel_every: int
    even_loss: float

    def class_losses(self) -> dict[str, list[float]]:
        """Loss of D and of G for each class: means over the steps since this was last asked."""
