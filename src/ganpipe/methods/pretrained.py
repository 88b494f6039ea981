"""A generator that was made before: nothing to train, but sampled, scored and compared like the others."""

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
"""That of the generator's own description."""


def build(training: Training, image: ImageShape, classes: int, device: torch.device) -> "Pretrained":  # noqa: ARG001
    """The generator in the folder `weights`, which starts at the main checkout where it is relative.

    Raises UserError when it is not the one that was planned, or makes images of another shape.
    """
    folder = root() / Path(str(training.weights)).expanduser()
    if not (folder / WEIGHTS).is_file() or file_digest(folder / WEIGHTS) != training.weights_sha256:
        raise UserError(f"weights = {training.weights}: {WEIGHTS} has changed since it was planned; run `dvc repro`")
    generator = load_generator(folder)
    if generator.description.image != image:
        made = "x".join(map(str, generator.description.image))
        wanted = "x".join(map(str, image))
        raise UserError(f"weights = {training.weights}: makes images of {made}, {training.dataset} has {wanted}")
    generator.network.to(device)
    return Pretrained(generator)


class Pretrained:
    """A loaded generator, in the place of one under training."""

    def __init__(self, generator: LoadedGenerator) -> None:
        self.generator = generator

    def exported(self) -> nn.Module:
        """The generator as it was loaded."""
        return self.generator.network

    def description(self) -> Description:
        """As it was loaded."""
        return self.generator.description
