"""The folder and the device that one training has to itself."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ganpipe.common.errors import UserError
from ganpipe.config import Precision

if TYPE_CHECKING:
    import torch


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Make the folder and hold it while the block runs; the system lets go of it when the process dies.

    Raises UserError when another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"another process is training this very run ({folder}): wait for it or end it") from None
    try:
        yield folder
    finally:
        lock.release()


def choose_device(wanted: str) -> "torch.device":
    """The device that `compute.device` means: `auto` takes a GPU where there is one.

    Raises UserError when `cuda` is asked for and not there.
    """
    import torch  # takes seconds, which a stage that only needs the folder need not wait

    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise UserError("compute.device = 'cuda': PyTorch finds no GPU here; set compute.device: auto or cpu")
    return torch.device(wanted)


def warn_if_not_reduced(wanted: Precision, device: "torch.device") -> None:
    """Say it where the training will not be in the precision that its settings name."""
    from ganpipe.methods.common.precision import reduces  # imports torch, as above

    if wanted != "float32" and not reduces(wanted, device):
        print(f"compute.precision {wanted} is for CUDA; training in float32", file=sys.stderr)
