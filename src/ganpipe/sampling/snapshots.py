"""Snapshots: generators kept during a training, so that its quality over the epochs can be measured afterwards.

A training keeps its generator (with EMA weights, if they are kept) after the epochs 1, 2, 4, 8 and so on: few files for
a training of any length, and the same ones in a training that continues a shorter one.
"""

import json
from pathlib import Path

from torch import nn

from ganpipe.common.atomic import atomic_folder
from ganpipe.sampling.description import DESCRIPTION, SNAPSHOTS, STATUS, Description
from ganpipe.sampling.generator import save_generator


def is_kept(epoch: int) -> bool:
    """Return whether the generator is kept after an epoch (from 1): after powers of two."""
    return epoch & (epoch - 1) == 0


def save_snapshot(network: nn.Module, description: Description, folder: Path, epoch: int) -> None:
    """Write the snapshot of an epoch below `folder`, replacing that of an interrupted attempt."""
    with atomic_folder(folder / SNAPSHOTS / f"{epoch:05}") as part:
        save_generator(network, description, part)


def find_snapshots(folder: Path) -> dict[int, Path]:
    """Return the folders of the snapshots below `folder` by epoch, ascending; none for a model that was not trained."""
    return {int(path.name): path for path in sorted((folder / SNAPSHOTS).glob("[0-9]*"))}


def kept_generators(model: Path) -> dict[int, Path]:
    """Return the folders of all generators in the result of a training by epoch, ascending, the last one included.

    None for a model that was not trained, and for a training that diverged.
    """
    epochs = json.loads((model / STATUS).read_text(encoding="utf-8"))["epochs"]
    return find_snapshots(model) | {epochs: model} if epochs and (model / DESCRIPTION).exists() else {}
