"""Images made elsewhere: not trained or sampled here, but evaluated and ranked like the samples of every other run."""

from collections.abc import Callable
from pathlib import Path

from ganpipe.common.errors import UserError
from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.data.given_images import given_digest, path_of_seed, write_given_images

PARTS: dict[str, str] = {}
SAMPLER = ""
"""There is no generator to sample."""


def read_images(training: Training, image: ImageShape, target: Path, report: Callable[[str], None]) -> int:
    """Write the images of the setting `path` to a file (N,C,H,W uint8) and return N.

    Raises UserError if they have changed since they were planned, and for images that do not match the dataset.
    """
    path = path_of_seed(str(training.path), training.seed)
    if given_digest(path) != training.path_sha256:
        raise UserError(f"path = {training.path}: the images have changed since they were planned. Run `dvc repro`.")
    return write_given_images(path, image, target, report)
