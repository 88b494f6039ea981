"""What the families have in common whose network turns noise into images in several steps: diffusion, EDM and flow."""

from typing import Any

import torch
from torch import Tensor

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.nets.conditional import require_labels
from ganpipe.sampling.description import Description


def describe_denoiser(
    training: Training, image: ImageShape, classes: int, sampler: str, sampling: dict[str, Any]
) -> Description:
    """Return the description of a denoiser: its latent vector is the noise of a whole image.

    classes: 0 if it is unconditional. sampler, sampling: module in `ganpipe.sampling.samplers`, and its arguments.
    """
    return Description(
        network=training.network,
        options=training.generator,
        latent=image.channels * image.size**2,
        classes=classes,
        channels=image.channels,
        size=image.size,
        range="signed",
        sampler=sampler,
        sampling=sampling,
    )


def training_labels(labels: Tensor | None, classes: int, dropout: float) -> Tensor | None:
    """Replace each label by `classes`, the label of no class, with the probability `dropout`; None without classes.

    A network trained so also learns the unconditional images, which guidance needs (Ho and Salimans 2022, algorithm 1).
    """
    if not classes:
        return None
    given = require_labels(labels)
    dropped = torch.rand(len(given), device=given.device) < dropout
    return given.masked_fill(dropped, classes)
