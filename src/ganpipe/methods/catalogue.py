"""Methods by the name of the setting: the function `build` of the module `methods/<name>.py`."""

from importlib import import_module

import torch

from ganpipe.config import Training
from ganpipe.methods.protocol import Method
from ganpipe.options import ImageShape


def method_of(name: str, training: Training, image: ImageShape, device: torch.device) -> Method:
    """A model of that family with fresh weights. Raises ValueError for what cannot be a name."""
    if not name.isidentifier():
        raise ValueError(f"not the name of a method: {name!r}")
    method: Method = import_module(f"ganpipe.methods.{name}").build(training, image, device)
    return method
