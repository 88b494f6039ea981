"""Find methods by name: the setting `method` is a module of `ganpipe.methods` with a function `build`."""

from importlib import import_module

import torch

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.protocol import Model


def build_method(training: Training, image: ImageShape, classes: int, device: torch.device) -> Model:
    """Return a model of the family `training.method` with new weights.

    classes: number of classes of the dataset, 0 without labels. Raises ValueError for an invalid name.
    """
    if not training.method.isidentifier():
        raise ValueError(
            f"method: {training.method!r} is not a valid name. Use the name of a module in ganpipe.methods."
        )
    model: Model = import_module(f"ganpipe.methods.{training.method}").build(training, image, classes, device)
    return model
