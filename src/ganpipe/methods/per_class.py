"""One GAN for each class of the data, each trained on the images of its class alone."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ganpipe.config import Training
from ganpipe.errors import UserError
from ganpipe.methods.gan import Gan, assemble
from ganpipe.methods.judgements import NAMES
from ganpipe.methods.protocol import Scalars
from ganpipe.options import ImageShape
from ganpipe.samplers.description import Description
from ganpipe.samplers.per_class import PerClass

PARTS = {"generator": "{network}.Generator", "discriminator": "{network}.Discriminator"}
SAMPLER = "per_class"
NEEDS_CLASSES = True
FEWEST = 2
"""Images that BatchNorm needs in a batch: a pair that gets fewer of its class rests."""


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "PerClassGan":
    """As many pairs of networks as there are classes. Raises UserError for data without classes."""
    if not classes:
        raise UserError(f"{training.dataset} has no classes: the method per_class trains one GAN for each")
    return PerClassGan([assemble(training, image, 0, device) for _ in range(classes)], device)


class PerClassGan:
    """Independent GANs that share out each batch by its labels."""

    def __init__(self, pairs: list[Gan], device: torch.device) -> None:
        self.pairs = pairs
        self.batches_per_step = pairs[0].batches_per_step
        self._last = torch.zeros(len(pairs), len(NAMES), device=device)  # scalars of each pair's last step

    def step(self, images: Tensor, labels: Tensor | None) -> Scalars:
        """One step of each pair on the images of its class.

        Returns the scalars of a GAN as means over the pairs, and both losses of each pair. A pair that rests, as the
        batch has too few images of its class, counts with those of its last step.
        """
        assert labels is not None
        for label, pair in enumerate(self.pairs):
            own = images[labels == label]
            if len(own) >= FEWEST * self.batches_per_step:
                self._last[label] = torch.stack(list(pair.step(own, None).values()))
        losses = {
            f"{name}_{label}": value
            for name, column in zip(NAMES, self._last.clone().T, strict=True)
            for label, value in enumerate(column)
            if name.startswith("loss")
        }
        return dict(zip(NAMES, self._last.mean(0), strict=True)) | losses

    def networks(self) -> dict[str, nn.Module]:
        """Both players of every class."""
        return {
            f"{name} {label}": network
            for label, pair in enumerate(self.pairs)
            for name, network in pair.networks().items()
        }

    def exported(self) -> nn.Module:
        """All generators."""
        return PerClass(pair.exported() for pair in self.pairs)

    def description(self) -> Description:
        """That of one generator, as many times as there are classes."""
        return replace(self.pairs[0].description(), classes=len(self.pairs), sampler=SAMPLER)

    def state(self) -> dict[str, Any]:
        """All pairs."""
        return {"pairs": [pair.state() for pair in self.pairs], "last": self._last}

    def load(self, state: dict[str, Any]) -> None:
        """Take up a state that `state` gave."""
        self._last = state["last"]
        for pair, own in zip(self.pairs, state["pairs"], strict=True):
            pair.load(own)
