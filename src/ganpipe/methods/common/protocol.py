"""The interface between the families of generative models and the training loop."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from torch import Tensor, nn

from ganpipe.objectives.objective import Objective
from ganpipe.sampling.description import Description

Scalars = dict[str, Tensor]


class Model(Protocol):
    """A generative model, trained or not.

    The planner reads literal constants of the module that defines the model: `PARTS`, the class in `ganpipe.nets` that
    each section of network options belongs to; `SAMPLER`, the module of `ganpipe.sampling.samplers` that generates the
    images; `NEEDS_CLASSES` if the dataset must have classes; `ONE_PROCESS` if a training cannot be distributed over
    several processes. It also finds the settings that a method reads: every `training.<setting>` reached from `build`.
    """

    def image_generator(self) -> nn.Module:
        """Return the module that maps latents and labels to images, with EMA weights if they are kept."""

    def description(self) -> Description:
        """Return what is needed to rebuild `image_generator`."""


@runtime_checkable
class Method(Model, Protocol):
    """A model that is trained: networks, objective and optimisers.

    Random numbers come from torch's global generator of the device, whose state the training loop stores in its
    checkpoints: drawing on the CPU would make every step wait for a copy.
    """

    batches_per_step: int
    """Number of batches of `batch_size` images that one step takes."""

    def set_step(self, step: int, steps: int) -> None:
        """Set all scheduled values for a step (from 0) of `steps`; called before every step."""

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """Take one training step on images N,C,H,W in the networks' range; scalars stay on the device."""

    def networks(self) -> Mapping[str, nn.Module]:
        """Return all networks that are trained, by name."""

    def state_dict(self) -> dict[str, Any]:
        """Return all that a bit-exact resume needs (weights, EMA, optimisers) as tensors, numbers, lists and dicts."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state returned by `state_dict`."""


@runtime_checkable
class ReconstructionMethod(Protocol):
    """A method that can encode an image and decode it again."""

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return the reconstructions of images N,C,H,W, in the same shape and range."""


@runtime_checkable
class AdversarialMethod(Protocol):
    """A method with a discriminator, which records the scalars of `discriminator_metrics`."""

    objective: Objective


@runtime_checkable
class PerClassMethod(Protocol):
    """A method that trains one model per class; every batch must hold the same number of images of each class.

    panel_every: epochs between two panels of real and generated images side by side.
    equilibrium_loss: loss of G if D cannot distinguish real from generated images.
    """

    classes: int
    panel_every: int
    equilibrium_loss: float

    def class_losses(self) -> dict[str, list[float]]:
        """Return the losses of D and G per class, averaged over the steps since the previous call."""
