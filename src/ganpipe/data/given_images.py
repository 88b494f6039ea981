"""Images that another program generated: a folder, an archive or an array, converted to the shape of a dataset."""

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np

from ganpipe.common.atomic import atomic_file
from ganpipe.common.checkout import root
from ganpipe.common.errors import UserError
from ganpipe.common.types import ImageShape
from ganpipe.data.fetch import source_digest
from ganpipe.data.fetch_arrays import fetch_arrays
from ganpipe.data.fetch_images import fetch_images
from ganpipe.data.find_files import find_files
from ganpipe.data.pins import read_contents
from ganpipe.data.prepared_images import ImagesFromArray, ImagesFromFiles, PreparedImages, channels_of
from ganpipe.data.raw_arrays import read_raw_arrays
from ganpipe.data.raw_images import LIST, SUFFIXES, USED, read_raw_images
from ganpipe.data.read_image import ImageError, read_image
from ganpipe.data.settings import ARRAY, FOLDER, DatasetSettings

_SHOWN = 5
_ANY_SIZE = 8  # the digest does not depend on it


def path_of_seed(path: str, seed: int) -> Path:
    """Return the path of a seed's images: `{seed}` stands for the seed; relative paths start at the main checkout."""
    return root() / Path(path.replace("{seed}", str(seed))).expanduser()


def given_digest(path: Path) -> str:
    """Return a digest of all images of a path. Raises UserError if it does not exist or cannot contain images."""
    return source_digest(given_settings(path, _ANY_SIZE), Path())


def given_settings(path: Path, size: int) -> DatasetSettings:
    """Return the settings with which such images are read: all files, whatever their folders and splits."""
    is_array = path.suffix in (".npy", ".npz") or (path.is_dir() and any(path.glob("*.npy")))
    return DatasetSettings(source=ARRAY if is_array else FOLDER, path=str(path), size=size, splits="random")


def count_and_size(path: Path) -> tuple[int | None, tuple[int, int] | None]:
    """Return how many images a path contains at most, and width and height of the first; None where that takes long.

    A quick look for the planner: `write_given_images` checks every image.
    """
    try:
        if path.suffix == ".npy":
            shape = np.load(path, mmap_mode="r", allow_pickle=False).shape
            return shape[0] if shape else 0, None
        if path.is_dir() and not any(path.glob("*.npy")):
            found = [file.name for file in find_files(path) if file.skipped is None]
            names = [name for name in found if PurePosixPath(name).suffix.lower() in SUFFIXES]
            image = read_image((path / names[0]).read_bytes()).image if names else None
            # Files with other names may be images as well.
            return len(found), None if image is None else image.size
        if zipfile.is_zipfile(path) and path.suffix != ".npz":
            with zipfile.ZipFile(path) as archive:
                return sum(not member.is_dir() for member in archive.infolist()), None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, ImageError):
        pass  # `write_given_images` names the file and the reason
    return None, None


def write_given_images(path: Path, image: ImageShape, target: Path, report: Callable[[str], None] = print) -> int:
    """Write all images of a path to a file of shape (N,C,H,W uint8) and return N.

    image: shape of the dataset. Files are used in the order of their names, rows of an array in their order. Images are
    read as a viewer shows them; grey images of a colour dataset get three equal channels, and colour images without
    any colour become grey. Nothing is resized or left out, because that would change the scores: raises UserError for
    images of another size, for colours in a grey dataset, and for files that cannot be read.
    """
    settings = given_settings(path, image.size)
    with TemporaryDirectory(dir=target.parent) as temporary:
        raw = Path(temporary)
        images, count = _open(path, settings, raw, report)
        if images.shape.channels > image.channels:
            raise UserError(f"path: {path} contains colours, but the dataset is grey. Convert the images to grey.")
        header = {"descr": "|u1", "fortran_order": False, "shape": (count, image.channels, image.size, image.size)}
        with atomic_file(target) as part, part.open("wb") as handle:
            np.lib.format.write_array_header_1_0(handle, header)
            for start in range(0, count, images.block):
                block = images.read(np.arange(start, min(start + images.block, count)))
                repeated = np.broadcast_to(block, (len(block), image.channels, image.size, image.size))
                handle.write(repeated.tobytes())
    return count


def _open(
    path: Path, settings: DatasetSettings, raw: Path, report: Callable[[str], None]
) -> tuple[PreparedImages, int]:
    (fetch_arrays if settings.source == ARRAY else fetch_images)(path, settings, raw, report)
    if settings.source == ARRAY:
        array = read_raw_arrays(raw, read_contents(raw))[""].images
        width, height = array.shape[3], array.shape[2]
        if (width, height) != (settings.size, settings.size):
            raise _wrong_size([f"all images: {width}x{height}"], path, settings)
        return ImagesFromArray(array, channels_of([array], settings), settings), len(array)
    files = read_raw_images(raw, ())
    if files.broken:
        raise UserError.listing(
            f"path: {files.broken} images of {path} cannot be read. Repair them, or remove them if they are not part "
            "of the result:",
            files.broken_examples,
        )
    with (raw / LIST).open(encoding="utf-8", newline="") as handle:
        sizes = [
            (row["file"], int(row["width"]), int(row["height"]))
            for row in csv.DictReader(handle)
            if row["status"] == USED
        ]
    wrong = [f"{name}: {width}x{height}" for name, width, height in sizes if (width, height) != (settings.size,) * 2]
    if wrong:
        raise _wrong_size(wrong, path, settings)
    return ImagesFromFiles(files, settings), len(files.offsets)


def _wrong_size(found: list[str], path: Path, settings: DatasetSettings) -> UserError:
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return UserError.listing(
        f"path: images of {path} are not {settings.size}x{settings.size} pixels, as those of the dataset. Resize them, "
        "or set the dataset's size; the filter affects the scores, so the pipeline does not choose one:",
        [*found[:_SHOWN], *more],
    )
