"""A pretrained generator: not trained, but sampled, evaluated and ranked like every other run."""

from pathlib import Path

import torch
from torch import nn

from ganpipe.common.checkout import root
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import file_digest
from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.sampling.description import WEIGHTS, Description
from ganpipe.sampling.generator import LoadedGenerator, load_generator

PARTS: dict[str, str] = {}
SAMPLER = ""
"""Named by the generator's own description."""


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Pretrained":  # noqa: ARG001
    """Load the generator from the folder `weights`; a relative path starts at the main checkout.

    Raises UserError if the file changed since it was planned, or if its images have another shape than the dataset's.
    """
    folder = root() / Path(str(training.weights)).expanduser()
    if not (folder / WEIGHTS).is_file() or file_digest(folder / WEIGHTS) != training.weights_sha256:
        raise UserError(
            f"weights = {training.weights}: {WEIGHTS} is missing or has changed since it was planned. Run `dvc repro`."
        )
    generator = load_generator(folder)
    if generator.description.image != image:
        found = "x".join(map(str, generator.description.image))
        expected = "x".join(map(str, image))
        raise UserError(
            f"weights = {training.weights}: generates images of {found} (channels x pixels), but {training.dataset} "
            f"has {expected}. Use a dataset of the same shape."
        )
    generator.network.to(device)
    return Pretrained(generator)


class Pretrained:
    """A loaded generator with the interface of `Model`."""

    def __init__(self, generator: LoadedGenerator) -> None:
        self.generator = generator

    def image_generator(self) -> nn.Module:
        """Return the generator as loaded."""
        return self.generator.network

    def description(self) -> Description:
        """Return the description as loaded."""
        return self.generator.description
