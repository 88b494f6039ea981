"""Select the files that a pin lists from the files of a source, verify them and copy them to their place."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ganpipe.common.errors import UserError
from ganpipe.common.hashing import file_digest
from ganpipe.data.archives import gunzip, unpack
from ganpipe.data.pins import Checksum, Pin
from ganpipe.data.store import Store

_MAX_UNPACKED = 4 << 30  # bytes from one archive


class WrongFilesError(Exception):
    """Files are missing or differ from their checksums. The message is one line."""


def missing_files(pin: Pin, store: Store) -> dict[str, Checksum]:
    """Return the checksums of the pin whose files are not in the store, by file name."""
    return {name: checksum for name, checksum in pin.checksums.items() if store.get(checksum) is None}


def store_files(pin: Pin, store: Store, paths: Iterable[Path]) -> None:
    """Add to the store the files that the pin lists: from `paths` themselves, from .gz files, or from its archive.

    Raises WrongFilesError that states for each file still missing whether it was absent or has a wrong checksum.
    """
    files = [path for path in paths if path.is_file()]
    if pin.archive is not None and pin.archive.name not in pin.checksums and missing_files(pin, store):
        for path in files:
            if path.name == pin.archive.name and file_digest(path, "md5") == pin.archive.md5:
                with tempfile.TemporaryDirectory(dir=store.folder) as unpacked:
                    unpack(path, Path(unpacked), _MAX_UNPACKED, only=pin.checksums)
                    _store_matching(pin, store, list(Path(unpacked).rglob("*")))
    _store_matching(pin, store, files)
    missing = missing_files(pin, store)
    if missing:
        names = {path.name for path in files}
        different = [name for name in missing if {name, f"{name}.gz"} & names]
        absent = [name for name in missing if name not in different]
        problems = [f"wrong checksum: {', '.join(different)}"] if different else []
        problems += [f"missing: {', '.join(absent)}"] if absent else []
        raise WrongFilesError("; ".join(problems))


def copy_raw_files(pin: Pin, store: Store, folder: Path) -> None:
    """Copy the raw files of a pin from the store into a folder. Raises UserError."""
    for name, file in pin.files.items():
        if file.checksum is not None:
            shutil.copyfile(_stored(store, name, file.checksum), folder / name)
    without_checksum = [name for name, file in pin.files.items() if file.checksum is None]
    if without_checksum and pin.archive is not None:
        archive = _stored(store, pin.archive.name, pin.archive.checksum)
        with tempfile.TemporaryDirectory(dir=store.folder) as unpacked:
            unpack(archive, Path(unpacked), _MAX_UNPACKED, only={f"{name}.gz" for name in without_checksum})
            for name in without_checksum:
                compressed = next(Path(unpacked).rglob(f"{name}.gz"), None)
                if compressed is None:
                    raise UserError(f"{pin.archive.name}: contains no {name}.gz. Correct the name in the pin.")
                gunzip(compressed, folder / name, _MAX_UNPACKED)


def _store_matching(pin: Pin, store: Store, files: list[Path]) -> None:
    for name, checksum in missing_files(pin, store).items():
        candidates = (
            path for path in files if path.name in (name, f"{name}.gz") or path.stat().st_size == checksum.bytes
        )
        any(store.add(path, checksum) for path in candidates)


def _stored(store: Store, name: str, checksum: Checksum) -> Path:
    path = store.get(checksum)
    if path is None:
        raise UserError(f"{name}: damaged in {store.folder}. Run the fetch stage again.")
    return path
