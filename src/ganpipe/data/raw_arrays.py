"""Raw forms of datasets that are arrays: idx files, CIFAR batches, and a user's own NumPy arrays."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganpipe.common.errors import UserError
from ganpipe.data.cifar import read_batches
from ganpipe.data.dataset import SPLITS, Split
from ganpipe.data.idx import read_idx
from ganpipe.data.pins import Contents, Layout


def read_raw_arrays(raw: Path, contents: Contents) -> dict[str, Split]:
    """Return the images (N,C,H,W uint8) and labels of "train" and "heldout"; of "" if the data have no splits.

    Raises UserError for damaged files and labels outside the classes.
    """
    layout, classes = contents.layout, len(contents.classes)
    match layout.kind:
        case "idx":
            return {key: _read_idx(raw, layout, getattr(layout, key), classes) for key in SPLITS}
        case "cifar":
            return {key: _read_cifar(raw, getattr(layout, key), classes) for key in SPLITS}
        case _:
            splits = {"train": layout.train, "heldout": layout.heldout} if layout.heldout else {"": layout.train}
            return {key: _read_npy(raw, files) for key, files in splits.items()}


def _read_idx(raw: Path, layout: Layout, files: Sequence[str], classes: int) -> Split:
    image_file, label_file = files
    images = read_idx(raw / image_file)
    labels = read_idx(raw / label_file).astype(np.int64) - layout.first_label
    if images.ndim != 3 or images.shape[1] != images.shape[2] or labels.shape != images.shape[:1]:
        raise UserError(
            f"{image_file} {images.shape} and {label_file} {labels.shape} do not match. Run the fetch stage again."
        )
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
        raise UserError(f"{label_file}: no labels, or labels outside the {classes} classes. Correct the pin.")
    if layout.transposed:
        images = images.transpose(0, 2, 1)
    return Split(images[:, None], labels)


def _read_cifar(raw: Path, files: Sequence[str], classes: int) -> Split:
    images, labels = read_batches([raw / file for file in files])
    if labels.max() >= classes:
        raise UserError(f"{', '.join(files)}: labels outside the {classes} classes. Run the fetch stage again.")
    return Split(images, labels)


def _read_npy(raw: Path, files: Sequence[str]) -> Split:
    try:
        images = np.load(raw / files[0], mmap_mode="r", allow_pickle=False)
        labels = np.load(raw / files[1], allow_pickle=False) if len(files) > 1 else None
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{', '.join(files)}: damaged ({error}). Run the fetch stage again.") from None
    return Split(images, labels)
