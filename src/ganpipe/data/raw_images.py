"""Raw form of image files from any source: `images.tar` contains the usable ones, `images.csv` lists all files.

The tar file is not compressed, and the list states where the bytes of each image start, so that they can be read in any
order. One file instead of one per image, because DVC stores every file of a folder separately.
"""

import csv
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from ganpipe.common.errors import UserError
from ganpipe.data.find_files import printable
from ganpipe.data.read_image import ImageError, read_image
from ganpipe.data.splits import split_of

IMAGES = "images.tar"
LIST = "images.csv"

SUFFIXES = frozenset({
    ".apng", ".avif", ".bmp", ".dib", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pfm", ".pgm", ".png",
    ".pnm", ".ppm", ".tif", ".tiff", ".webp",
})  # fmt: skip
"""Names of image files. Files with other names are used as well if they can be read, but not missed if they cannot."""

USED = "used"
BROKEN = ("empty", "damaged", "too large", "unsupported", "unreadable", "dangling link")
"""Reasons for skipping a file that should have been an image: limited by the setting `max_broken`."""

_EXAMPLES = 5
_TAR_BLOCK = 512
_COLUMNS = (
    "file", "status", "detail", "split", "class", "stored_as", "width", "height", "grey", "notes", "offset", "bytes",
)  # fmt: skip


class RawImagesWriter:
    """Writes image files and their list into a folder, one by one."""

    def __init__(self, images: BinaryIO, rows: TextIO) -> None:
        self._images = images
        self._rows = csv.DictWriter(rows, _COLUMNS, restval="", lineterminator="\n")
        self._rows.writeheader()
        self.statuses: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.unused_classes: set[str] = set()

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Self]:
        """Create both files in a folder."""
        with (folder / IMAGES).open("wb") as images, (folder / LIST).open("w", encoding="utf-8", newline="") as rows:
            yield cls(images, rows)
            images.write(bytes(2 * _TAR_BLOCK))  # the end of a tar file

    @property
    def used(self) -> int:
        """Number of usable images so far."""
        return self.statuses[USED]

    def add(self, name: str, content: bytes, split: str = "", label: str | None = None) -> bool:
        """Add a file if it is an image; otherwise list it as skipped. Returns whether it is used.

        name: path of the file; bytes that are not UTF-8 as surrogate escapes. label: its class, if there are classes.
        """
        try:
            found = read_image(content)
        except ImageError as error:
            status = error.problem
            if status == "not an image" and PurePosixPath(name).suffix.lower() in SUFFIXES:
                status = "damaged"
            self.skip(name, status, str(error), split)
            if label is not None:
                self.unused_classes.add(label)
            return False
        row = {
            "split": split,
            "class": "" if label is None else label,
            "stored_as": found.stored_as,
            "width": found.image.width,
            "height": found.image.height,
            "grey": int(found.grey),
            "notes": "; ".join(found.notes),
            "offset": self._append(name, content),
            "bytes": len(content),
        }
        self._write(name, USED, row)
        self.notes.update(found.notes)
        if label is not None:
            self.classes[label] += 1
        return True

    def _append(self, name: str, content: bytes) -> int:
        """Append a file to the tar file and return where its content starts."""
        member = tarfile.TarInfo(printable(name))  # not a TarFile, which would keep a list of all files in memory
        member.size = len(content)
        self._images.write(member.tobuf(tarfile.GNU_FORMAT, "utf-8"))
        offset = self._images.tell()
        self._images.write(content + bytes(-len(content) % _TAR_BLOCK))
        return offset

    def skip(self, name: str, status: str, detail: str = "", split: str = "") -> None:
        """List a file that is not used. status: the reason, one of a few. split: the one that lacks it, if any."""
        self._write(name, status, {"detail": printable(detail), "split": split})

    def _write(self, name: str, status: str, row: dict[str, object]) -> None:
        self.statuses[status] += 1
        self._rows.writerow({"file": printable(name), "status": status, **row})

    def summary(self) -> str:
        """Return how many files were found, used and skipped, and why, in one line."""
        skipped = self.statuses - Counter({USED: self.used})
        text = f"{self.statuses.total()} files found, {self.used} images used, {skipped.total()} skipped"
        for counts, before, after in ((skipped, " (", ")"), (self.notes, "; used images with remarks: ", "")):
            if counts:
                text += before + ", ".join(f"{name}: {count}" for name, count in sorted(counts.items())) + after
        return text


class RawImages(NamedTuple):
    """The usable images of a folder written by `RawImagesWriter`.

    labels: class numbers (N int64), or None without classes. splits: "train", "heldout" or "" of each (N).
    grey: whether all images are grey. transparent: whether any image has transparent pixels.
    skipped: number of the other files by reason. broken_examples: the first files of which images were expected.
    lost_examples: the first files that should have been images of a split, by split.
    """

    file: Path
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    labels: NDArray[np.int64] | None
    splits: NDArray[np.str_]
    grey: bool
    transparent: bool
    skipped: dict[str, int]
    broken_examples: list[str]
    lost_examples: dict[str, list[str]]

    @property
    def broken(self) -> int:
        """Number of files that should have been images but cannot be read."""
        return sum(self.skipped.get(reason, 0) for reason in BROKEN)

    def read(self, row: int) -> bytes:
        """Return the content of an image file. Raises UserError if the file with all images is damaged."""
        with self.file.open("rb") as handle:
            handle.seek(self.offsets[row])
            content = handle.read(self.sizes[row])
        if len(content) != self.sizes[row]:
            raise UserError(f"{self.file}: truncated. Run the fetch stage again.")
        return content


def read_raw_images(folder: Path, classes: Sequence[str]) -> RawImages:
    """Read the list of images in a folder. Raises UserError if it is damaged."""
    numbers = {name: number for number, name in enumerate(classes)}
    offsets, sizes, labels, splits = [], [], [], []
    grey, transparent = True, False
    skipped: Counter[str] = Counter()
    broken: list[str] = []
    lost: dict[str, list[str]] = {}
    try:
        with (folder / LIST).open(encoding="utf-8", newline="") as handle:
            for row in csv.DictReader(handle):
                if row["status"] != USED:
                    skipped[row["status"]] += 1
                    example = f"{row['file']}: {row['detail'] or row['status']}"
                    split = row["split"]
                    if row["status"] in BROKEN:
                        broken += [example] if len(broken) < _EXAMPLES else []
                        split = split or split_of(row["file"].partition("/")[0])  # a folder that cannot be read
                    if split and len(lost.setdefault(split, [])) < _EXAMPLES:
                        lost[split].append(example)
                    continue
                offsets.append(int(row["offset"]))
                sizes.append(int(row["bytes"]))
                labels.append(numbers[row["class"]] if classes else 0)
                splits.append(row["split"])
                grey &= row["grey"] == "1"
                transparent |= "transparent" in row["notes"].split("; ")
        if not offsets:
            raise ValueError("no image")
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise UserError(f"{folder / LIST}: missing or damaged ({error}). Run the fetch stage again.") from None
    return RawImages(
        folder / IMAGES,
        np.array(offsets, dtype=np.int64),
        np.array(sizes, dtype=np.int64),
        np.array(labels, dtype=np.int64) if classes else None,
        np.array(splits, dtype=np.str_),
        grey,
        transparent,
        dict(sorted(skipped.items())),
        broken,
        lost,
    )
