"""A prepared data set as the rest of the pipeline reads it. Imports no torch."""

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
    """Images (uint8, N,C,H,W, values 0..255) and their class numbers (int64, N), or None without classes."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None


@dataclass(frozen=True)
class Dataset:
    """Two splits of square images; `classes` names class 0, 1, ... and is empty when there are none.

    fingerprint: digest of all that a training can see of the data: arrays, shape and classes.
    """

    name: str
    train: Split
    heldout: Split
    classes: tuple[str, ...]
    fingerprint: str
    shape: ImageShape


def load(folder: Path) -> Dataset:
    """Open a prepared data set; the arrays are memory maps, read as they are used.

    Raises UserError when the folder holds none, or its arrays are not what its description says.
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
        raise UserError(f"{folder} holds no prepared data set ({missing} is missing): run its prepare stage.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"The prepared data set in {folder} is damaged ({error}): run its prepare stage again."
        ) from None


def _load_split(folder: Path, split: str, count: int, shape: ImageShape, classes: int) -> Split:
    images = np.load(folder / f"{split}_images.npy", mmap_mode="r", allow_pickle=False)
    _expect(f"{split}_images", images, np.uint8, (count, shape.channels, shape.size, shape.size))
    if not classes:
        return Split(images, None)
    labels = np.load(folder / f"{split}_labels.npy", allow_pickle=False)
    _expect(f"{split}_labels", labels, np.int64, (count,))
    if count and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"{split}_labels names classes beyond 0..{classes - 1}")
    return Split(images, labels)


def _expect(name: str, array: NDArray[np.generic], dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{name} is {array.dtype} {array.shape}, not {np.dtype(dtype)} {shape}")
