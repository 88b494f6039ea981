"""Splits of a dataset: those that its folders, tables or arrays are named after, or a random stratified one."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.errors import UserError
from ganpipe.common.random_streams import numpy_stream

_TRAIN_NAMES = frozenset({"train", "training"})
_HELDOUT_NAMES = frozenset(
    {"test", "testing", "val", "valid", "validation", "dev", "eval", "evaluation", "heldout", "held-out", "held_out"}
)


def split_of(name: str) -> str:
    """Return the split that a name stands for, whatever its case: "train", "heldout", or "" for any other name."""
    lowered = name.lower()
    return "train" if lowered in _TRAIN_NAMES else "heldout" if lowered in _HELDOUT_NAMES else ""


def has_split_folders(files: Iterable[str]) -> bool:
    """Return whether all files (relative paths) are in folders of splits, at least one of them of training images.

    Raises UserError if folders of training and of held-out images exist together with other images.
    """
    tops = {name.partition("/")[0] if "/" in name else "" for name in files}
    splits = {split_of(top) for top in tops}
    if {"train", "heldout", ""} <= splits:
        others = ", ".join(sorted(f"{top}/" if top else "single files" for top in tops if not split_of(top)))
        raise UserError(
            f"splits: the images are in folders named after splits, but also in others ({others}). Move these, or set "
            "splits: random to treat all images as one set."
        )
    return splits == {"train", "heldout"} or splits == {"train"}


def draw_splits(labels: NDArray[np.int64], fraction: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the training and the held-out rows of a dataset, each ascending.

    Of n images of a class, round(n * fraction) are held out, but at least one and at most n - 1; a single image is used
    for training. labels: class of each image (N); all zero for a dataset without classes.
    """
    order = numpy_stream(seed, "split").permutation(len(labels))
    heldout = []
    for label in np.unique(labels):
        members = order[labels[order] == label]
        count = max(round(len(members) * fraction), 1)
        heldout.append(members[: min(count, len(members) - 1)])
    rows = np.sort(np.concatenate(heldout)) if heldout else np.empty(0, dtype=np.int64)
    return np.setdiff1d(np.arange(len(labels)), rows), rows
