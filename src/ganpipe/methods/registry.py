"""Methods by the name of the setting: the function `build` of the module `methods/<name>.py`."""

from importlib import import_module

import torch

from ganpipe.common.types import ImageShape
from ganpipe.config import Training
from ganpipe.methods.common.protocol import Model


def build_method(training: Training, image: ImageShape, classes: int, device: torch.device) -> Model:
    """A model of the family `training.method` with fresh weights. classes: how many the data has, 0 without labels.

    Raises ValueError for what cannot be a name.
    """
    if not training.method.isidentifier():
        raise ValueError(f"not the name of a method: {training.method!r}")
    model: Model = import_module(f"ganpipe.methods.{training.method}").build(training, image, classes, device)
    return model
