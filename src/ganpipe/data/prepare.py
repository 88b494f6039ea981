"""Prepare a dataset: convert raw files to arrays, select classes, resize, split, and compute a fingerprint."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.atomic import atomic_folder, write_text
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest, file_digest
from ganpipe.common.random_streams import numpy_stream
from ganpipe.common.types import ImageShape
from ganpipe.data.dataset import DESCRIPTION, SPLITS
from ganpipe.data.pins import Contents, read_contents
from ganpipe.data.prepared_images import ImagesFromArray, ImagesFromFiles, PreparedImages, channels_of
from ganpipe.data.raw_arrays import read_raw_arrays
from ganpipe.data.raw_images import LIST, RawImages, read_raw_images
from ganpipe.data.settings import OWN_SOURCES, DatasetSettings
from ganpipe.data.splits import draw_splits

SMALL_CLASS = 20
"""Classes of a user's own images that have fewer training images are reported."""


class Selection(NamedTuple):
    """Images of a split: the source that reads them, their positions in it (N int64), and their labels (N) or None."""

    images: PreparedImages
    rows: NDArray[np.int64]
    labels: NDArray[np.int64] | None


def prepare(
    name: str, raw: Path, settings: DatasetSettings, destination: Path, report: Callable[[str], None] = print
) -> None:
    """Write the prepared dataset `name` from fetched raw files.

    The folder `destination` gets train_images.npy, heldout_images.npy (N,C,H,W uint8), train_labels.npy,
    heldout_labels.npy (N int64; absent without classes) and dataset.json. It is created only when complete, and its
    bytes depend only on `name`, `raw` and `settings`. Raises UserError for settings that do not match the data, and for
    damaged files.
    """
    contents = read_contents(raw)
    splits, skipped = _open(raw, contents, settings)
    classes = contents.classes
    if settings.labels is not None:
        splits = {key: keep_classes(split, settings.labels, len(classes)) for key, split in splits.items()}
        classes = tuple(classes[label] for label in settings.labels)
    if settings.per_label is not None:
        splits["train"] = limit_per_class(splits["train"], settings.per_label, len(classes), settings.seed)
    if settings.source in OWN_SOURCES:
        _report_small_classes(splits, classes, report)
    with atomic_folder(destination) as part:
        for key in SPLITS:
            _write_split(part, key, splits[key])
        shape = splits["train"].images.shape
        description = {
            "name": name,
            "title": contents.title,
            "licence": contents.licence,
            "citation": contents.citation,
            "shape": shape._asdict(),
            "classes": classes,
            "counts": {key: len(splits[key].rows) for key in SPLITS},
            "skipped": skipped,
            # Without the path: it describes this machine, not the data.
            "settings": settings.model_dump(mode="json", exclude={"path"}),
            "fingerprint": _fingerprint(part, shape, classes),
        }
        write_text(part / DESCRIPTION, json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def keep_classes(split: Selection, kept: tuple[int, ...], classes: int) -> Selection:
    """Keep the images of some classes and renumber them: class `kept[i]` becomes class i."""
    unknown = [label for label in kept if label >= classes]
    if unknown:
        raise UserError(f"labels: {unknown} are not classes of this dataset. Choose from 0..{classes - 1}.")
    renumbered = np.full(classes, -1, dtype=np.int64)
    renumbered[list(kept)] = np.arange(len(kept))
    labels = renumbered[_labels(split)]
    return split._replace(rows=split.rows[labels >= 0], labels=labels[labels >= 0])


def limit_per_class(split: Selection, count: int, classes: int, seed: int) -> Selection:
    """Keep at most `count` images of each class, drawn without replacement, in their original order.

    With the same seed, a smaller count selects a subset of what a larger count selects.
    """
    labels = _labels(split)
    order = numpy_stream(seed, "split").permutation(len(labels))
    kept = np.concatenate([order[labels[order] == label][:count] for label in range(classes)])
    kept.sort()
    return split._replace(rows=split.rows[kept], labels=labels[kept])


def _open(raw: Path, contents: Contents, settings: DatasetSettings) -> tuple[dict[str, Selection], dict[str, int]]:
    """Return both splits, and how many files are not used for which reason."""
    if contents.layout.kind == "images":
        files = read_raw_images(raw, contents.classes)
        _check_broken(files, settings)
        images = ImagesFromFiles(files, settings)
        if set(files.splits.tolist()) != set(SPLITS):
            _check_lost_splits(files)
            return _draw(images, len(files.offsets), files.labels, settings), files.skipped
        positions = {key: np.flatnonzero(files.splits == key) for key in SPLITS}
        return {key: _select(images, rows, files.labels) for key, rows in positions.items()}, files.skipped
    arrays = read_raw_arrays(raw, contents)
    channels = channels_of([split.images for split in arrays.values()], settings)
    if "" in arrays:
        everything = arrays[""]
        images_of_all = ImagesFromArray(everything.images, channels, settings)
        return _draw(images_of_all, len(everything.images), everything.labels, settings), {}
    return {
        key: Selection(ImagesFromArray(split.images, channels, settings), np.arange(len(split.images)), split.labels)
        for key, split in arrays.items()
    }, {}


def _check_broken(files: RawImages, settings: DatasetSettings) -> None:
    if files.broken > settings.max_broken:
        raise UserError.listing(
            f"max_broken: {files.broken} images cannot be read, more than {settings.max_broken}. Repair or remove them,"
            f" or raise max_broken. {LIST} in the raw folder lists all; the first are:",
            files.broken_examples,
        )


def _check_lost_splits(files: RawImages) -> None:
    """Raise UserError if no image of one split can be used: drawing another one would mix the given splits."""
    used = set(files.splits.tolist())
    lost = [split for split in SPLITS if used <= set(SPLITS) - {split} and split in files.lost_examples]
    if lost:
        raise UserError.listing(
            f"splits: no image of the {lost[0]} split can be used. Repair or add them, or set splits: random to draw "
            f"it from the other images. {LIST} in the raw folder lists all; the first are:",
            files.lost_examples[lost[0]],
        )


def _draw(
    images: PreparedImages, count: int, labels: NDArray[np.int64] | None, settings: DatasetSettings
) -> dict[str, Selection]:
    if count < 2:
        raise UserError(
            "path: contains a single image. Add images: at least one is needed for training and one held out."
        )
    strata = np.zeros(count, dtype=np.int64) if labels is None else labels
    drawn = draw_splits(strata, settings.heldout_fraction, settings.seed)
    return {key: _select(images, rows, labels) for key, rows in zip(SPLITS, drawn, strict=True)}


def _select(images: PreparedImages, rows: NDArray[np.int64], labels: NDArray[np.int64] | None) -> Selection:
    return Selection(images, rows, None if labels is None else labels[rows])


def _labels(split: Selection) -> NDArray[np.int64]:
    if split.labels is None:
        raise UserError("labels, per_label: this dataset has no classes. Remove these settings.")
    return split.labels


def _report_small_classes(
    splits: Mapping[str, Selection], classes: tuple[str, ...], report: Callable[[str], None]
) -> None:
    counts = [np.bincount(_labels(splits[key]), minlength=len(classes)).tolist() for key in SPLITS] if classes else []
    for name, train, heldout in zip(classes, *counts, strict=True) if classes else ():
        if train < SMALL_CLASS or not heldout:
            report(f"class {name} has few images: {train} for training, {heldout} held out")


def _write_split(folder: Path, key: str, split: Selection) -> None:
    count, (channels, size) = len(split.rows), split.images.shape
    if count == 0:
        raise UserError(f"labels, per_label, splits: no image remains in the {key} split. Change these settings.")
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, channels, size, size)}
    with (folder / f"{key}_images.npy").open("wb") as handle:  # not a memory map, which would crash on a full disk
        np.lib.format.write_array_header_1_0(handle, header)
        for start in range(0, count, split.images.block):
            handle.write(split.images.read(split.rows[start : start + split.images.block]).tobytes())
    if split.labels is not None:
        np.save(folder / f"{key}_labels.npy", split.labels)


def _fingerprint(folder: Path, shape: ImageShape, classes: tuple[str, ...]) -> str:
    arrays = {path.name: file_digest(path) for path in sorted(folder.glob("*.npy"))}
    return digest({"arrays": arrays, "shape": list(shape), "classes": list(classes)})
