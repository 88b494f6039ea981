"""One independent GAN per class, each trained on the images of its class only."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ganpipe.common.errors import UserError
from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.ensembles import build_ensemble
from ganpipe.methods.common.protocol import Scalars
from ganpipe.methods.gan import Gan, build_gan
from ganpipe.objectives.objective import Objective
from ganpipe.sampling.description import Description
from ganpipe.sampling.samplers.per_class import PerClass

PARTS = {"generator": "{network}.Generator", "discriminator": "{network}.Discriminator"}
SAMPLER = "per_class"
NEEDS_CLASSES = True
ONE_PROCESS = True
LOSSES = ("loss_d", "loss_g")
MIN_IMAGES_PER_CLASS = 2
"""In a batch: batch normalisation has no variance over a single image."""


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "PerClassGan":
    """Return one GAN per class, with new weights on `device`.

    Raises UserError for a dataset without classes, and for batches with too few images per class.
    """
    if not classes:
        raise UserError(
            f"method per_class: the dataset {training.dataset} has no classes. Use method: gan or another dataset."
        )
    minimum = MIN_IMAGES_PER_CLASS * classes
    if training.batch_size < minimum:
        raise UserError(
            f"batch_size = {training.batch_size}: too small for the method per_class, which splits each batch among "
            f"the {classes} classes of {training.dataset}. Set it to {minimum} or more."
        )
    gans = [build_gan(training, image, 0, device) for _ in range(classes)]
    return PerClassGan(gans, training, device)


class PerClassGan:
    """Independent GANs, one per class; every batch holds the same number of images of each class."""

    def __init__(self, gans: Sequence[Gan], training: Training, device: torch.device) -> None:
        self.ensemble = build_ensemble(gans, training, device)
        self.classes = len(gans)
        self.batches_per_step = training.critic_steps
        self.panel_every = training.panel_every
        self.objective = gans[0].objective
        self.equilibrium_loss = _equilibrium_loss(self.objective)
        self._description = replace(gans[0].description(), classes=len(gans), sampler=SAMPLER)
        # Sums of the losses per class. They stay on the device, so that no step waits for it.
        self._loss_sums = torch.zeros(len(LOSSES), len(gans), device=device)
        self._steps = 0

    def set_step(self, step: int, steps: int) -> None:
        """Set all scheduled values of every GAN."""
        self.ensemble.set_step(step, steps)

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """Update each GAN once on the images of its class.

        Returns the scalars of a GAN, averaged over the classes. Raises RuntimeError if the batch does not hold the
        same number of images of each class.
        """
        assert labels is not None
        expected = torch.arange(self.classes, device=labels.device).repeat_interleave(len(labels) // self.classes)
        order = labels.argsort(stable=True)
        # On CUDA this check does not wait for the device: it fails with a later operation.
        balanced = (labels[order] == expected).all()
        torch._assert_async(balanced, "labels: unequal numbers per class. The method per_class needs balanced batches.")
        scalars = self.ensemble.step(images[order].view(self.classes, -1, *images.shape[1:]))
        self._loss_sums += torch.stack([scalars[name] for name in LOSSES])
        self._steps += 1
        return {name: values.mean() for name, values in scalars.items()}

    def class_losses(self) -> dict[str, list[float]]:
        """See `PerClassMethod`."""
        means = (self._loss_sums / max(self._steps, 1)).tolist()
        self._loss_sums.zero_()
        self._steps = 0
        return dict(zip(LOSSES, means, strict=True))

    def networks(self) -> dict[str, nn.Module]:
        """Return generator and discriminator of every class."""
        groups = self.ensemble.networks().items()
        return {f"{name} {label}": network for name, networks in groups for label, network in enumerate(networks)}

    def image_generator(self) -> nn.Module:
        """Return a module that applies the generator of each label's class."""
        return PerClass(self.ensemble.image_generators())

    def description(self) -> Description:
        """Return the description of one generator together with the number of classes."""
        return self._description

    def state_dict(self) -> dict[str, Any]:
        """Return the state of all GANs and the loss sums since the last call of `class_losses`."""
        return {"ensemble": self.ensemble.state_dict(), "loss_sums": self._loss_sums, "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a state returned by `state_dict`."""
        self.ensemble.load_state_dict(state["ensemble"])
        self._loss_sums, self._steps = state["loss_sums"].clone(), state["steps"]


def _equilibrium_loss(objective: Objective) -> float:
    """Return the loss of G if D cannot distinguish real from generated images."""
    undecided = torch.tensor([objective.boundary])
    return float(objective.generator(undecided, undecided))
