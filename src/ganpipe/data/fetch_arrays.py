"""Fetch a user's own images from NumPy arrays: a .npy or .npz file, or a folder of .npy files."""

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.errors import UserError
from ganpipe.data.archives import copy_limited
from ganpipe.data.fetch_images import describe_images, sorted_classes
from ganpipe.data.pins import Layout, write_contents
from ganpipe.data.settings import DatasetSettings
from ganpipe.data.splits import split_of

_IMAGE_WORDS = frozenset({"images", "image", "imgs", "img", "x", "data", "samples"})
_LABEL_WORDS = frozenset({"labels", "label", "y", "targets", "target", "classes"})
_POSITIONAL = {"arr_0": "images", "arr_1": "labels"}  # names given by numpy.savez
_CHANNELS = (1, 2, 3, 4)  # grey, grey and alpha, colour, colour and alpha
_BLOCK_BYTES = 4 << 20
_TOLERANCE = 1e-4  # of floating-point values, which resizing may push out of their range
_MAX_MEMBER_BYTES = 1 << 40


class NamedArray(NamedTuple):
    """An array with what its name says: role "images", "labels" or "", split "train", "heldout" or ""."""

    name: str
    role: str
    split: str
    values: NDArray[Any]


class Scale(NamedTuple):
    """Conversion of pixel values to levels from 0 to 255: (value + offset) * factor, rounded and clipped."""

    factor: float
    offset: float


BySplit = dict[str, list[NamedArray]]


def fetch_arrays(source: Path, settings: DatasetSettings, raw: Path, report: Callable[[str], None]) -> None:
    """Convert images to uint8 arrays (N,C,H,W) in the folder `raw`, and their labels to class numbers (N int64).

    Arrays are recognised by their names, such as images and labels, x_train and y_test, or arr_0 and arr_1. Images are
    N,H,W or N,H,W,C or N,C,H,W with 1 to 4 channels (grey or colour, with or without alpha); `scale_of` states the
    supported values. Labels are integers, strings or one-hot rows. Raises UserError for anything else.
    """
    with TemporaryDirectory(dir=raw) as extracted:
        arrays = _recognise(_open_arrays(source, Path(extracted)))
        images, labels = (_by_split(arrays, role, settings) for role in ("images", "labels"))
        if not images:
            found = ", ".join(array.name for array in arrays) or "no array"
            raise UserError(
                f"path: {source} contains {found}. Name the array of images images or x_train, for example."
            )
        all_images = [array for parts in images.values() for array in parts]
        for array in all_images:
            _planes(array)  # rejects other shapes before the values are read
        scale = scale_of(all_images)
        names = _label_names(images, labels) if settings.classes == "labels" else {}
        classes = sorted_classes(name for split in names.values() for name in set(split))
        files = {split: _write_split(raw, split, parts, scale, names, classes) for split, parts in images.items()}
    layout = Layout(kind="arrays", train=files.get("train") or files[""], heldout=files.get("heldout", ()))
    write_contents(raw, describe_images(classes).model_copy(update={"layout": layout}))
    used = {array.name for parts in (images, labels if classes else {}) for split in parts.values() for array in split}
    unused = [array.name for array in arrays if array.name not in used]
    counts = ", ".join(f"{sum(len(a.values) for a in parts)} {split or 'images'}" for split, parts in images.items())
    not_used = f"; arrays not used: {', '.join(unused)}" if unused else ""
    report(f"{source}: {counts} from {', '.join(array.name for array in arrays if array.name in used)}{not_used}")


def check_arrays(source: Path) -> None:
    """Raise UserError if an existing path is neither a .npy or .npz file nor a folder of .npy files."""
    if not (any(source.glob("*.npy")) if source.is_dir() else source.suffix in (".npy", ".npz")):
        raise UserError(f"path: {source} is no .npy or .npz file, and no folder of .npy files. Set it to one of these.")


def scale_of(arrays: Sequence[NamedArray]) -> Scale:
    """Return the scale of images, from the type and the range of all their values.

    Booleans are black and white. Integers are 8-bit levels, or 16-bit levels if values above 255 occur.
    Floating-point values are in [0, 1]; in [-1, 1] if negative values occur; in [0, 255] if values above 1 occur.
    Raises UserError for other values, and for integers that use so little of their range that images would be dark.
    """
    kinds = {array.values.dtype.kind for array in arrays}
    name = ", ".join(array.name for array in arrays)
    if kinds == {"b"}:
        return Scale(255.0, 0.0)
    if not (kinds <= set("iu") or kinds == {"f"}):
        raise UserError(f"{name}: pixel values must be all booleans, all integers or all floating-point. Convert them.")
    low, high = np.inf, -np.inf
    for array in arrays:
        for block in _blocks(array.values):
            low, high = min(low, float(block.min())), max(high, float(block.max()))  # NaN stays NaN
            if not (np.isfinite(low) and np.isfinite(high) and np.isfinite(block).all()):
                raise UserError(f"{array.name}: contains NaN or infinite values. Replace them.")
    found = f"{name}: pixel values from {low:g} to {high:g}"
    if kinds == {"f"}:
        for bottom, top, scale in ((0, 1, Scale(255.0, 0.0)), (-1, 1, Scale(127.5, 1.0)), (0, 255, Scale(1.0, 0.0))):
            if bottom - _TOLERANCE <= low and high <= top + _TOLERANCE:
                return scale
        raise UserError(f"{found}. Floating-point values must be in [0, 1], [-1, 1] or [0, 255]. Convert them.")
    if low < 0 or high > 65535:
        raise UserError(f"{found}. Integers must be from 0 to 255, or from 0 to 65535. Convert them.")
    if low < high <= 1 or 255 < high < 16384:
        raise UserError(f"{found}, which would be dark as levels of 8 or 16 bits. Convert them to 0 to 255.")
    return Scale(1.0 if high <= 255 else 255 / 65535, 0.0)


def _open_arrays(source: Path, extracted: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield the names and memory maps of all arrays; those of a .npz file are extracted first."""
    try:
        if source.is_dir():
            for path in sorted(source.glob("*.npy")):
                yield path.stem, np.load(path, mmap_mode="r", allow_pickle=False)
        elif source.suffix == ".npz":
            with zipfile.ZipFile(source) as archive:
                for number, member in enumerate(archive.namelist()):
                    path = extracted / f"{number}.npy"
                    with archive.open(member) as stream:
                        copy_limited(stream, path, _MAX_MEMBER_BYTES)
                    yield member.removesuffix(".npy"), np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            yield "images", np.load(source, mmap_mode="r", allow_pickle=False)
    # The last two come from zipfile, for an unknown compression and for an encrypted member.
    except (ValueError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UserError(f"path: {source} cannot be read as NumPy arrays ({error}). Save it again.") from error


def _recognise(arrays: Iterator[tuple[str, NDArray[Any]]]) -> list[NamedArray]:
    recognised = []
    for name, values in arrays:
        words = set(re.split(r"[^a-z0-9]+", name.lower()))
        split = next((found for word in sorted(words) if (found := split_of(word))), "")
        role = "images" if words & _IMAGE_WORDS else "labels" if words & _LABEL_WORDS else _POSITIONAL.get(name, "")
        if not role and split and isinstance(values, np.ndarray):
            role = "images" if values.ndim >= 3 else "labels"
        recognised.append(NamedArray(name, role, split, values))
    return recognised


def _by_split(arrays: Sequence[NamedArray], role: str, settings: DatasetSettings) -> BySplit:
    """Return the arrays of a role by split; all under "" unless there are training arrays and `splits` is auto."""
    chosen = [array for array in arrays if array.role == role]
    splits = {array.split for array in chosen}
    if settings.splits == "random" or splits <= {"", "train"}:
        return {"": chosen} if chosen else {}
    if "" in splits or "train" not in splits:
        names = ", ".join(array.name for array in chosen)
        raise UserError(f"splits: it is unclear to which split {names} belong. Rename them, or set splits: random.")
    return {split: [array for array in chosen if array.split == split] for split in ("train", "heldout")}


def _label_names(images: BySplit, labels: BySplit) -> dict[str, list[str]]:
    """Return the class name of every image by split."""
    if set(labels) != set(images):
        found = ", ".join(array.name for parts in labels.values() for array in parts) or "none"
        raise UserError(
            f"classes: labels, but not all images have any (arrays of labels: {found}). Add them, or set classes: none."
        )
    names = {split: [name for array in parts for name in _names(array)] for split, parts in labels.items()}
    for split, parts in images.items():
        count = sum(len(array.values) for array in parts)
        if len(names[split]) != count:
            raise UserError(f"{parts[0].name}: {count} images, but {len(names[split])} labels. Correct the arrays.")
    return names


def _names(array: NamedArray) -> list[str]:
    values = np.asarray(array.values)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2 and ((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all():
        values = values.argmax(axis=1)
    if values.ndim == 1 and values.dtype.kind == "f" and (values == np.rint(values)).all():
        values = values.astype(np.int64)
    if values.ndim != 1 or values.dtype.kind not in "biuU":
        raise UserError(
            f"{array.name}: labels of type {values.dtype} and shape {values.shape}. "
            "They must be integers, strings or one-hot rows."
        )
    return [str(int(value)) if values.dtype.kind in "biu" else str(value) for value in values]


def _write_split(
    raw: Path,
    split: str,
    parts: Sequence[NamedArray],
    scale: Scale,
    names: Mapping[str, list[str]],
    classes: Sequence[str],
) -> tuple[str, ...]:
    """Write the images and labels of a split and return the names of the files."""
    shapes = {_planes(array).shape[1:] for array in parts}
    if len(shapes) > 1:
        raise UserError(f"{parts[0].name}, {parts[1].name}: images of different shapes. Resize them to one shape.")
    prefix = f"{split}_" if split else ""
    files = [f"{prefix}images.npy"]
    count = sum(len(array.values) for array in parts)
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shapes.pop())}
    with (raw / files[0]).open("wb") as handle:
        np.lib.format.write_array_header_1_0(handle, header)
        for array in parts:
            for block in _blocks(_planes(array)):
                handle.write(_levels(block, scale).tobytes())
    if classes:
        files.append(f"{prefix}labels.npy")
        numbers = {name: number for number, name in enumerate(classes)}
        np.save(raw / files[1], np.array([numbers[name] for name in names[split]], dtype=np.int64))
    return tuple(files)


def _levels(block: NDArray[Any], scale: Scale) -> NDArray[np.uint8]:
    if block.dtype == np.uint8:
        return block
    return np.rint((block.astype(np.float64) + scale.offset) * scale.factor).clip(0, 255).astype(np.uint8)


def _planes(array: NamedArray) -> NDArray[Any]:
    """Return a view of images as N,C,H,W. Raises UserError if the shape is not one of images, or ambiguous."""
    values = array.values
    shape: tuple[int, ...] = getattr(values, "shape", ())
    if len(shape) == 3 and all(shape):
        return values[:, None]
    if len(shape) == 4 and all(shape):
        last, first = shape[3] in _CHANNELS, shape[1] in _CHANNELS
        if last and first:
            last, first = shape[1] == shape[2], shape[2] == shape[3]
        if last != first:
            return values.transpose(0, 3, 1, 2) if last else values
    raise UserError(
        f"{array.name}: shape {shape} is not N,H,W or N,H,W,C or N,C,H,W with 1 to 4 channels. Reshape the array."
    )


def _blocks(values: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield consecutive rows of an array, about 4 MiB at a time."""
    step = max(1, _BLOCK_BYTES // max(values[:1].nbytes, 1))
    for start in range(0, len(values), step):
        yield values[start : start + step]
