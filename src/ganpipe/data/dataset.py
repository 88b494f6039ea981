"""A prepared dataset as the other stages read it. Does not import torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.errors import UserError
from ganpipe.common.types import ImageShape

DESCRIPTION = "dataset.json"
SPLITS = ("train", "heldout")


class Split(NamedTuple):
    """Images (N,C,H,W uint8, 0 to 255) and their class numbers (N int64), or None for data without classes."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None


@dataclass(frozen=True)
class Dataset:
    """Two splits of square images.

    classes: names of class 0, 1, ...; empty for data without classes.
    fingerprint: digest of everything that a training depends on: arrays, shape and classes.
    """

    name: str
    train: Split
    heldout: Split
    classes: tuple[str, ...]
    fingerprint: str
    shape: ImageShape


def load(folder: Path) -> Dataset:
    """Open a prepared dataset; its image arrays are memory maps.

    Raises UserError if the folder contains no prepared dataset, or arrays that differ from their description.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        shape = ImageShape(**description["shape"])
        classes = tuple(description["classes"])
        train, heldout = (
            _load_split(folder, split, description["counts"][split], shape, len(classes)) for split in SPLITS
        )
        return Dataset(description["name"], train, heldout, classes, description["fingerprint"], shape)
    except FileNotFoundError as error:
        missing = Path(error.filename).name
        raise UserError(f"{folder}: no prepared dataset ({missing} is missing). Run its prepare stage.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder}: the prepared dataset is damaged ({error}). Run its prepare stage again.") from None


def _load_split(folder: Path, split: str, count: int, shape: ImageShape, classes: int) -> Split:
    images = np.load(folder / f"{split}_images.npy", mmap_mode="r", allow_pickle=False)
    _check_array(f"{split}_images", images, np.uint8, (count, shape.channels, shape.size, shape.size))
    if not classes:
        return Split(images, None)
    labels = np.load(folder / f"{split}_labels.npy", allow_pickle=False)
    _check_array(f"{split}_labels", labels, np.int64, (count,))
    if count and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"{split}_labels contains labels outside 0..{classes - 1}")
    return Split(images, labels)


def _check_array(name: str, array: NDArray[np.generic], dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{name} is {array.dtype} {array.shape}, not {np.dtype(dtype)} {shape}")
