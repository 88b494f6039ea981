"""Generators kept during a training, so that its quality over time can be measured afterwards.

A training keeps the generator of the epochs 1, 2, 4, 8 and so on: few files for a training of any length, and the same
ones in a training that continues a shorter one.
"""

from pathlib import Path

from torch import nn

from ganpipe.common.atomic import atomic_folder
from ganpipe.sampling.description import SNAPSHOTS, Description
from ganpipe.sampling.generator import save_generator


def is_kept(epoch: int) -> bool:
    """Return whether the generator of an epoch (from 1) is kept: that of a power of two."""
    return epoch & (epoch - 1) == 0


def save_snapshot(network: nn.Module, description: Description, folder: Path, epoch: int) -> None:
    """Keep the generator of an epoch in a folder, replacing that of an interrupted attempt."""
    with atomic_folder(folder / SNAPSHOTS / f"{epoch:05}") as part:
        save_generator(network, description, part)


def find_snapshots(folder: Path) -> dict[int, Path]:
    """Return the folders of the kept generators by epoch, in ascending order; none for a model without a training."""
    return {int(path.name): path for path in sorted((folder / SNAPSHOTS).glob("[0-9]*"))}
