"""One GAN for each class of the data, each trained on the images of its class alone."""

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
from ganpipe.methods.gan import Gan, assemble
from ganpipe.objectives.objective import Objective
from ganpipe.sampling.description import Description
from ganpipe.sampling.samplers.per_class import PerClass

PARTS = {"generator": "{network}.Generator", "discriminator": "{network}.Discriminator"}
SAMPLER = "per_class"
NEEDS_CLASSES = True
ONE_PROCESS = True
LOSSES = ("loss_d", "loss_g")
FEWEST = 2
"""Images of each class that a batch must hold: BatchNorm needs so many."""


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "PerClassGan":
    """As many pairs of networks as there are classes.

    Raises UserError for data without classes, and for batches with fewer than FEWEST images of each.
    """
    if not classes:
        raise UserError(f"{training.dataset} has no classes: the method per_class trains one GAN for each")
    if training.batch_size < FEWEST * classes:
        raise UserError(
            f"batch_size = {training.batch_size}: the method per_class shares a batch out among the {classes} classes "
            f"of {training.dataset}; give each of them {FEWEST} images or more"
        )
    gans = [assemble(training, image, 0, device) for _ in range(classes)]
    return PerClassGan(gans, training, device)


class PerClassGan:
    """Independent GANs, one for each class, that share out every batch by its labels: as many images for each."""

    def __init__(self, gans: Sequence[Gan], training: Training, device: torch.device) -> None:
        self.pairs = build_ensemble(gans, training, device)
        self.classes = len(gans)
        self.batches_per_step = training.critic_steps
        self.panel_every = training.panel_every
        self.even_loss = _even_loss(gans[0].objective)
        self._description = replace(gans[0].description(), classes=len(gans), sampler=SAMPLER)
        self._sums = torch.zeros(len(LOSSES), len(gans), device=device)  # of losses, on the device as no step waits
        self._steps = 0

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """One step of each pair on the images of its class.

        Returns the scalars of a GAN as means over the pairs. Raises ValueError when the batch holds more images of
        one class than of another.
        """
        assert labels is not None
        wanted = torch.arange(self.classes, device=labels.device).repeat_interleave(len(labels) // self.classes)
        order = labels.argsort(stable=True)
        if not torch.equal(labels[order], wanted):
            raise ValueError("a batch of the method per_class must hold as many images of each class")
        scalars = self.pairs.step(images[order].view(self.classes, -1, *images.shape[1:]))
        self._sums += torch.stack([scalars[name] for name in LOSSES])
        self._steps += 1
        return {name: column.mean() for name, column in scalars.items()}

    def class_losses(self) -> dict[str, list[float]]:
        """Loss of D and of G for each class: means over the steps since this was last asked."""
        means = (self._sums / max(self._steps, 1)).tolist()
        self._sums.zero_()
        self._steps = 0
        return dict(zip(LOSSES, means, strict=True))

    def networks(self) -> dict[str, nn.Module]:
        """Both players of every class."""
        players = self.pairs.networks().items()
        return {f"{name} {label}": network for name, networks in players for label, network in enumerate(networks)}

    def exported(self) -> nn.Module:
        """All generators."""
        return PerClass(self.pairs.exported())

    def description(self) -> Description:
        """That of one generator, as many times as there are classes."""
        return self._description

    def state(self) -> dict[str, Any]:
        """All pairs, and the sums that `class_losses` tells of."""
        return {"pairs": self.pairs.state(), "sums": self._sums, "steps": self._steps}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state that `state` gave."""
        self.pairs.load(state["pairs"])
        self._sums, self._steps = state["sums"].clone(), state["steps"]


def _even_loss(objective: Objective) -> float:
    undecided = torch.tensor([objective.boundary])
    return float(objective.generator(undecided, undecided))
