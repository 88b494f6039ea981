"""Fetch a user's own images from a folder or an archive: every file is used, or listed with the reason why not."""

import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from ganpipe.common.errors import UserError
from ganpipe.data.archives import ArchiveError, unpack
from ganpipe.data.find_files import FoundFile, find_files, printable
from ganpipe.data.label_tables import Labels, read_labels
from ganpipe.data.pins import Contents, Layout, write_contents
from ganpipe.data.raw_images import LIST, SUFFIXES, RawImagesWriter
from ganpipe.data.settings import DatasetSettings
from ganpipe.data.splits import has_split_folders, split_of

_MAX_FILE_BYTES = 512 << 20
_MAX_UNPACKED = 256 << 30


def fetch_images(source: Path, settings: DatasetSettings, raw: Path, report: Callable[[str], None]) -> None:
    """Copy the images of a folder, or of a .zip or .tar archive of one, into `raw`, with a list of all files.

    Classes and splits are found as `settings` states. Raises UserError for a missing or unusable source, for images
    without a class, and if no image can be read.
    """
    if source.is_dir():
        _fetch_folder(source, settings, raw, report, str(source))
        return
    unpacked = raw / "unpacked"
    unpacked.mkdir()
    try:
        unpack(source, unpacked, min(_MAX_UNPACKED, shutil.disk_usage(raw).free))
        _fetch_folder(without_wrappers(unpacked), settings, raw, report, str(source))
    except ArchiveError as error:
        raise UserError(f"path: {error}. Repair the archive, or unpack it and set path to the folder.") from error
    finally:
        shutil.rmtree(unpacked)


def check_images(source: Path) -> None:
    """Raise UserError if an existing path is neither a folder nor a .zip or .tar archive."""
    if not (source.is_dir() or zipfile.is_zipfile(source) or tarfile.is_tarfile(source)):
        raise UserError(f"path: {source} is neither a folder nor a .zip or .tar file. Set it to one of these.")


def without_wrappers(folder: Path) -> Path:
    """Return the folder from which an archive was made: often it contains a single folder with everything in it."""
    while True:
        files = [file.name for file in find_files(folder) if file.skipped is None]
        tops = {name.partition("/")[0] for name in files}
        if len(tops) != 1 or files == list(tops) or not any(name.count("/") > 1 for name in files):
            return folder
        folder /= tops.pop()


def _fetch_folder(
    folder: Path, settings: DatasetSettings, raw: Path, report: Callable[[str], None], source: str
) -> None:
    try:
        files = find_files(folder)
    except OSError as error:
        raise UserError(f"path: {source} cannot be read ({error.strerror}). Change its permissions.") from error
    usable = [file.name for file in files if file.skipped is None]
    labels = read_labels(folder, usable, settings) if settings.labels_are_in_a_table else None
    images = {name for name in usable if _is_image(name)}
    in_splits = settings.splits == "auto" and has_split_folders(images)
    if settings.classes == "subfolders":
        _refuse_without_class([name for name in sorted(images) if _place(name, settings, labels, in_splits)[1] is None])
    without_class = []
    with RawImagesWriter.open(raw) as writer:
        for file in files:
            split, label = _place(file.name, settings, labels, in_splits)
            if file.skipped is not None:
                writer.skip(file.name, file.skipped, file.detail, split if _is_image(file.name) else "")
            elif labels is not None and PurePosixPath(file.name).name == settings.classes:
                writer.skip(file.name, "table of labels")
            elif labels is not None and label is None:
                unlisted = f"{'without label' if file.name in labels.entries else 'not listed'} in {settings.classes}"
                if file.name in images:
                    writer.skip(file.name, unlisted, split=split)
                else:
                    writer.skip(file.name, "not an image")
            elif _add(folder, file, writer, split, label) and settings.classes == "subfolders" and label is None:
                without_class.append(file.name)
        for name, entry in labels.missing if labels is not None else ():
            split = entry.split if settings.splits == "auto" else ""
            writer.skip(name, f"listed in {settings.classes}, but missing", split=split)
    if not writer.used:
        raise UserError(f"path: {source} contains no readable image: {writer.summary()}. Set it to a folder of images.")
    _refuse_without_class(without_class)
    for name in sorted_classes(writer.unused_classes - set(writer.classes)):
        report(f"{source}: class {name} has no readable image and is left out")
    write_contents(raw, describe_images(writer.classes))
    report(f"{source}: {writer.summary()}. Full list: {LIST} in the raw folder")


def _refuse_without_class(names: list[str]) -> None:
    if names:
        raise UserError(
            f"classes: subfolders, but {printable(names[0])} and {len(names) - 1} more images are in no subfolder. "
            "Move them into one, or set classes: none."
        )


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _place(name: str, settings: DatasetSettings, labels: Labels | None, in_splits: bool) -> tuple[str, str | None]:
    """Return split and class of a file; "" and None if it has none."""
    folders = name.split("/")[:-1]
    split = split_of(folders[0]) if in_splits and folders else ""
    if labels is not None:
        entry = labels.entries.get(name)
        if entry is None:
            return split, None
        split = split or (entry.split if settings.splits == "auto" else "")
        return split, printable(entry.label) if entry.label else None
    class_folders = folders[1:] if in_splits else folders
    if settings.classes == "subfolders" and class_folders:
        return split, printable(class_folders[0])
    return split, None


def _add(folder: Path, file: FoundFile, writer: RawImagesWriter, split: str, label: str | None) -> bool:
    if file.version[0] > _MAX_FILE_BYTES:
        writer.skip(file.name, "too large", f"{file.version[0]} bytes are more than {_MAX_FILE_BYTES}", split)
        return False
    try:
        content = (folder / file.name).read_bytes()
    except OSError as error:
        writer.skip(file.name, "unreadable", error.strerror or type(error).__name__, split)
        return False
    return writer.add(file.name, content, split, label)


def sorted_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Sort class names, by value if all are integers."""
    names = set(names)
    integers = all(name.lstrip("-").isdecimal() for name in names)
    return tuple(sorted(names, key=lambda name: (int(name), name) if integers else (0, name)))


def describe_images(classes: Iterable[str]) -> Contents:
    """Return the description of a user's own images, with sorted classes."""
    return Contents(
        title="The user's own images",
        licence="as stated for the images",
        citation="",
        classes=sorted_classes(classes),
        layout=Layout(kind="images"),
    )
