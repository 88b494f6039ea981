"""Prepare a dataset: convert raw files to arrays, select classes, resize, split, and compute a fingerprint."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganpipe.common.atomic import atomic_folder, write_text
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest, file_digest
from ganpipe.common.types import ImageShape
from ganpipe.data import image_folder
from ganpipe.data.cifar import read_batches
from ganpipe.data.dataset import DESCRIPTION, SPLITS, Split
from ganpipe.data.idx import read_idx
from ganpipe.data.pins import Contents, Layout, read_contents
from ganpipe.data.settings import DatasetSettings

_BLOCK = 4096  # images written at a time, which limits memory


def prepare(
    name: str, raw: Path, settings: DatasetSettings, destination: Path, report: Callable[[str], None] = print
) -> None:
    """Write the prepared dataset `name` from fetched raw files.

    The folder `destination` gets train_images.npy, heldout_images.npy (N,C,H,W uint8), train_labels.npy,
    heldout_labels.npy (N int64; absent without classes) and dataset.json. It is created only when complete, and its
    bytes depend only on `name`, `raw` and `settings`. Raises UserError for settings that do not match the data, and
    for damaged files.
    """
    contents = read_contents(raw)
    with atomic_folder(destination) as part:
        scratch = part / "decoded.bin"
        splits, skipped = _read(raw, contents, settings, scratch, report)
        classes = contents.classes
        if settings.labels is not None:
            splits = {key: keep_classes(split, settings.labels, len(classes)) for key, split in splits.items()}
            classes = tuple(classes[label] for label in settings.labels)
        if settings.per_label is not None:
            splits["train"] = limit_per_class(splits["train"], settings.per_label, len(classes), settings.seed)
        size = settings.size or splits["train"].images.shape[-1]
        for key in SPLITS:
            _write_split(part, key, splits[key], size)
        scratch.unlink(missing_ok=True)
        shape = ImageShape(splits["train"].images.shape[1], size)
        description = {
            "name": name,
            "title": contents.title,
            "licence": contents.licence,
            "citation": contents.citation,
            "shape": shape._asdict(),
            "classes": classes,
            "counts": {key: len(splits[key].images) for key in SPLITS},
            "skipped": skipped,
            # Without the path: it describes this machine, not the data.
            "settings": settings.model_dump(mode="json", exclude={"path"}),
            "fingerprint": _fingerprint(part, shape, classes),
        }
        write_text(part / DESCRIPTION, json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def keep_classes(split: Split, labels: tuple[int, ...], classes: int) -> Split:
    """Keep the images of some classes and renumber them: class `labels[i]` becomes class i."""
    unknown = [label for label in labels if label >= classes]
    if unknown:
        raise UserError(f"labels: {unknown} are not classes of this dataset. Choose from 0..{classes - 1}.")
    renumbered = np.full(classes, -1, dtype=np.int64)
    renumbered[list(labels)] = np.arange(len(labels))
    new = renumbered[_labels(split)]
    return Split(split.images[new >= 0], new[new >= 0])


def limit_per_class(split: Split, count: int, classes: int, seed: int) -> Split:
    """Keep at most `count` images of each class, drawn without replacement, in their original order.

    With the same seed, a smaller count selects a subset of what a larger count selects.
    """
    labels = _labels(split)
    order = np.random.default_rng(seed).permutation(len(labels))
    kept = np.concatenate([order[labels[order] == label][:count] for label in range(classes)])
    kept.sort()
    return Split(split.images[kept], labels[kept])


def resize(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Resize images (N,C,H,W) to `size` x `size` with Pillow's bilinear filter, which antialiases."""
    if images.shape[-1] == size:
        return images
    resized = np.empty((*images.shape[:2], size, size), dtype=np.uint8)
    for image, target in zip(images, resized, strict=True):
        for plane, target_plane in zip(image, target, strict=True):
            target_plane[:] = Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR)
    return resized


def _read(
    raw: Path, contents: Contents, settings: DatasetSettings, scratch: Path, report: Callable[[str], None]
) -> tuple[dict[str, Split], list[str]]:
    """Return both splits by name, and the names of the images that were skipped."""
    layout = contents.layout
    match layout.kind:
        case "idx":
            return {key: _read_idx(raw, layout, key, len(contents.classes)) for key in SPLITS}, []
        case "cifar":
            return {key: _read_cifar(raw, layout, key, len(contents.classes)) for key in SPLITS}, []
        case "pictures":
            return _read_pictures(raw, contents, settings, scratch, report)


def _read_idx(raw: Path, layout: Layout, key: str, classes: int) -> Split:
    image_file, label_file = getattr(layout, key)
    images, labels = (
        read_idx(raw / image_file),
        read_idx(raw / label_file).astype(np.int64) - layout.first_label,
    )
    if images.ndim != 3 or images.shape[1] != images.shape[2] or labels.shape != images.shape[:1]:
        raise UserError(
            f"{image_file} {images.shape} and {label_file} {labels.shape} do not match. Run the fetch stage again."
        )
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
        raise UserError(f"{label_file}: no labels, or labels outside the {classes} classes. Correct the pin.")
    if layout.transposed:
        images = images.transpose(0, 2, 1)
    return Split(images[:, None], labels)


def _read_cifar(raw: Path, layout: Layout, key: str, classes: int) -> Split:
    split = Split(*read_batches([raw / file for file in getattr(layout, key)]))
    if _labels(split).max() >= classes:
        raise UserError(
            f"{', '.join(getattr(layout, key))}: labels outside the {classes} classes. Run the fetch stage again."
        )
    return split


def _read_pictures(
    raw: Path, contents: Contents, settings: DatasetSettings, scratch: Path, report: Callable[[str], None]
) -> tuple[dict[str, Split], list[str]]:
    if settings.size is None:
        raise UserError("size: not set. Images of a folder must be resized to one size.")
    images, names, skipped = image_folder.decode(raw, settings.size, scratch, settings.max_broken, report)
    labels = None
    if contents.classes:
        labels = np.array([contents.classes.index(image_folder.class_of(name)) for name in names], dtype=np.int64)
    heldout = round(len(names) * settings.heldout_fraction)
    if not 0 < heldout < len(names):
        raise UserError(
            f"heldout_fraction: {settings.heldout_fraction} of {len(names)} images leaves a split empty. "
            "Change it, or add images."
        )
    order = np.random.default_rng(settings.seed).permutation(len(names))
    parts = {"train": np.sort(order[heldout:]), "heldout": np.sort(order[:heldout])}
    return {key: Split(images[rows], None if labels is None else labels[rows]) for key, rows in parts.items()}, skipped


def _labels(split: Split) -> NDArray[np.int64]:
    if split.labels is None:
        raise UserError("labels, per_label: this dataset has no classes. Remove these settings.")
    return split.labels


def _write_split(folder: Path, key: str, split: Split, size: int) -> None:
    count, channels = split.images.shape[:2]
    if count == 0:
        raise UserError(f"labels, per_label: no image remains in the {key} split. Change these settings.")
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, channels, size, size)}
    with (folder / f"{key}_images.npy").open("wb") as handle:  # not a memory map, which would crash on a full disk
        np.lib.format.write_array_header_1_0(handle, header)
        for start in range(0, count, _BLOCK):
            handle.write(resize(split.images[start : start + _BLOCK], size).tobytes())
    if split.labels is not None:
        np.save(folder / f"{key}_labels.npy", split.labels)


def _fingerprint(folder: Path, shape: ImageShape, classes: tuple[str, ...]) -> str:
    arrays = {path.name: file_digest(path) for path in sorted(folder.glob("*.npy"))}
    return digest({"arrays": arrays, "shape": list(shape), "classes": list(classes)})
