"""Build the batches of a training, and check that the data is large enough for them."""

import sys
from typing import Any

import torch

from ganpipe.common import distributed
from ganpipe.common.errors import UserError
from ganpipe.config import Training
from ganpipe.data.balanced import BalancedBatches
from ganpipe.data.batches import Batches
from ganpipe.data.dataset import Dataset
from ganpipe.methods.common.protocol import Method, PerClassMethod


def build_batches(training: Training, method: Method, dataset: Dataset, device: torch.device) -> Batches:
    """Return batches of `batch_size` images for each of the `batches_per_step` parts of a step.

    If there are fewer images, a step uses all of them, which is reported on stderr. Raises UserError if there are too
    few for the parts of a step.
    """
    classes = method.classes if isinstance(method, PerClassMethod) else 1
    requested = training.batch_size * method.batches_per_step // classes * classes
    options: dict[str, Any] = {
        "value_range": method.description().range,
        "flips": training.flips,
        "device": device,
        "limit": training.images,
        "share": (distributed.rank(), distributed.world_size()),
    }
    if isinstance(method, PerClassMethod):
        batches: Batches = BalancedBatches(dataset.train, requested, training.seed, classes=classes, **options)
    else:
        batches = Batches(dataset.train, requested, training.seed, **options)

    images = batches.batch_size // classes // distributed.world_size()
    of_class = " of its smallest class" if classes > 1 else ""
    if images < method.batches_per_step:
        raise UserError(
            f"critic_steps: {method.batches_per_step} discriminator steps need a batch each, but {dataset.name} has "
            f"only {images} training images{of_class}. Set critic_steps to at most {images}, or use more images."
        )
    if batches.batch_size < requested and distributed.rank() == 0:
        print(
            f"batch_size: {dataset.name} has too few training images{of_class} for {requested} images per step. "
            f"Each step uses {batches.batch_size}.",
            file=sys.stderr,
        )
    return batches
