"""The device and the precision of a training."""

import sys

import torch

from ganpipe.common.errors import UserError
from ganpipe.config import Precision
from ganpipe.methods.common.precision import uses_bfloat16


def choose_device(name: str) -> torch.device:
    """Return the device for a value of `compute.device`; `auto` prefers a CUDA GPU, and never chooses `mps`.

    Raises UserError for `cuda` or `mps` without such a GPU.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("compute.device: cuda, but PyTorch finds no GPU on this machine. Set it to auto or cpu.")
    if name == "mps" and not torch.backends.mps.is_available():
        raise UserError("compute.device: mps, but PyTorch finds no Apple GPU on this machine. Set it to auto or cpu.")
    return torch.device(name)


def warn_if_precision_is_ignored(precision: Precision, device: torch.device) -> None:
    """Print a warning if the device does not support the precision."""
    if precision != "float32" and not uses_bfloat16(precision, device):
        print(f"compute.precision: {precision} requires CUDA. Training in float32.", file=sys.stderr)
