"""What a folder of images contains, before anything is planned: sizes, modes, classes, duplicates, unreadable files."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ganpipe.common.errors import UserError
from ganpipe.common.progress import progress_bar
from ganpipe.data.archives import ArchiveError, unpack
from ganpipe.data.fetch_images import check_images, without_wrappers
from ganpipe.data.find_files import find_files
from ganpipe.data.raw_images import SUFFIXES
from ganpipe.data.read_image import ImageError, read_image
from ganpipe.data.splits import has_split_folders

SIZES = (16, 28, 32, 64, 128, 256)
"""Sizes for which the DCGAN networks exist."""

_SUGGESTED_MAXIMUM = 64
"""Larger images take hours on a CPU."""
_MAX_UNPACKED = 64 << 30
_TABLES = ("metadata.csv", "labels.csv", "metadata.jsonl", "dataset.json")
_THUMBNAIL = 96
_THUMBNAILS = 64


@dataclass
class Inspection:
    """The content of a folder of images.

    skipped: reason -> files that are no images. broken: file -> why it cannot be read. sizes: (width, height) ->
    images. stored_as: format and pixel mode -> images. notes: remarks of the reader -> images. classes: subfolder ->
    images, empty if the images are not sorted into at least two subfolders. table: a file with labels, if there is one.
    duplicates: image -> an earlier one with the same pixels. thumbnails: uint8 (N, 3, 96, 96), of images spread over
    the folder.
    """

    files: int = 0
    images: int = 0
    grey: int = 0
    has_splits: bool = False
    table: str | None = None
    skipped: Counter[str] = field(default_factory=Counter)
    broken: dict[str, str] = field(default_factory=dict)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    stored_as: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    duplicates: dict[str, str] = field(default_factory=dict)
    thumbnails: NDArray[np.uint8] = field(default_factory=lambda: np.empty((0, 3, _THUMBNAIL, _THUMBNAIL), np.uint8))

    @property
    def short_sides(self) -> list[int]:
        """The shorter side of every image, ascending."""
        return sorted(min(size) for size, count in self.sizes.items() for _ in range(count))

    @property
    def suggested_size(self) -> int:
        """The largest usable size up to 64 that half of the images reach."""
        median = self.short_sides[len(self.short_sides) // 2]
        return max((size for size in SIZES if size <= min(median, _SUGGESTED_MAXIMUM)), default=SIZES[0])


def inspect_images(path: Path) -> Inspection:
    """Read every image of a folder, or of a .zip or .tar archive of one, one at a time.

    Raises UserError if the path is neither, cannot be read, or contains no readable image.
    """
    if not path.exists():
        raise UserError(f"{path}: no such folder or archive. Correct the path.")
    if path.suffix.lower() in (".npy", ".npz"):  # .npz is a .zip archive
        raise UserError(f"{path}: an array, not image files. Add it to params.yaml with source: array (docs/data.md).")
    check_images(path)
    temporary: AbstractContextManager[str] = nullcontext("") if path.is_dir() else TemporaryDirectory()
    with temporary as unpacked:
        folder = path
        if unpacked:
            try:
                unpack(path, Path(unpacked), _MAX_UNPACKED)
            except ArchiveError as error:
                raise UserError(f"{path}: {error}. Repair the archive.") from error
            folder = without_wrappers(Path(unpacked))
        try:
            found = _inspect(folder)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}). Change its permissions.") from error
    if not found.images:
        raise UserError(f"{path}: contains no readable image among {found.files} files. Name a folder of images.")
    return found


def _inspect(folder: Path) -> Inspection:
    found, first_names, thumbnails = Inspection(), dict[str, str](), []
    files = find_files(folder)
    found.files = len(files)
    names = []
    for file in files:
        if file.skipped is not None:
            found.skipped[file.skipped] += 1
        elif PurePosixPath(file.name).suffix.lower() in SUFFIXES:
            names.append(file.name)
        elif file.name in _TABLES:
            found.table = file.name
            found.skipped["table of labels"] += 1
        else:
            found.skipped["not an image"] += 1
    found.has_splits = has_split_folders(names) if names else False
    chosen = set(names[:: max(len(names) // _THUMBNAILS, 1)][:_THUMBNAILS])
    with progress_bar("reading images", len(names), " images") as bar:
        for name in names:
            bar.update()
            try:
                read = read_image((folder / name).read_bytes())
            except (ImageError, OSError) as error:
                found.broken[name] = str(error)
                continue
            found.images += 1
            found.grey += read.grey
            found.sizes[read.image.size] += 1
            found.stored_as[read.stored_as] += 1
            found.notes.update(read.notes)
            content = hashlib.sha256(
                repr((read.image.size, read.image.mode)).encode() + read.image.tobytes()
            ).hexdigest()
            if (first := first_names.setdefault(content, name)) != name:
                found.duplicates[name] = first
            if name in chosen:
                thumbnails.append(_thumbnail(read.image))
    found.classes = _classes(name for name in names if name not in found.broken) if names else Counter()
    if found.has_splits:
        found.classes = _classes(name.partition("/")[2] for name in names if name not in found.broken)
    if thumbnails:
        found.thumbnails = np.stack(thumbnails)
    return found


def _classes(names: Iterable[str]) -> Counter[str]:
    """Count the images of each subfolder; empty if some are in none, or all in one."""
    tops = Counter(name.partition("/")[0] if "/" in name else "" for name in names)
    return tops if "" not in tops and len(tops) > 1 else Counter()


def _thumbnail(image: Image.Image) -> NDArray[np.uint8]:
    """Return the image, shrunk and centred on white, as uint8 (3, 96, 96)."""
    small = image.convert("RGB")
    small.thumbnail((_THUMBNAIL, _THUMBNAIL))
    canvas = Image.new("RGB", (_THUMBNAIL, _THUMBNAIL), "white")
    canvas.paste(small, ((_THUMBNAIL - small.width) // 2, (_THUMBNAIL - small.height) // 2))
    return np.asarray(canvas).transpose(2, 0, 1)
