"""Picking out of what a source brought the files that a pin names, verified, and laying them out."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ganpipe.common.errors import UserError
from ganpipe.common.hashing import file_digest
from ganpipe.data.archives import gunzip, unpack
from ganpipe.data.pins import Checksum, Pin
from ganpipe.data.store import Store

_MAX_UNPACKED = 4 << 30  # bytes out of one archive


class WrongFilesError(Exception):
    """Files are not there or have other bytes than the pin says; the message is one line."""


def missing(pin: Pin, store: Store) -> dict[str, Checksum]:
    """Those of the pin's checksums that the store does not have, by file name."""
    return {name: checksum for name, checksum in pin.checksums.items() if store.get(checksum) is None}


def admit(pin: Pin, store: Store, paths: Iterable[Path]) -> None:
    """Put into the store what the pin needs out of `paths`: files, their .gz forms, or the archive of them.

    Raises WrongFilesError that says for each file still missing whether it was not there or has other bytes.
    """
    files = [path for path in paths if path.is_file()]
    if pin.archive is not None and pin.archive.name not in pin.checksums and missing(pin, store):
        for path in files:
            if path.name == pin.archive.name and file_digest(path, "md5") == pin.archive.md5:
                with tempfile.TemporaryDirectory(dir=store.folder) as opened:
                    unpack(path, Path(opened), _MAX_UNPACKED, only=pin.checksums)
                    _admit_files(pin, store, list(Path(opened).rglob("*")))
    _admit_files(pin, store, files)
    lacking = missing(pin, store)
    if lacking:
        names = {path.name for path in files}
        other = [name for name in lacking if {name, f"{name}.gz"} & names]
        absent = [name for name in lacking if name not in other]
        faults = [f"other bytes: {', '.join(other)}"] if other else []
        faults += [f"not there: {', '.join(absent)}"] if absent else []
        raise WrongFilesError("; ".join(faults))


def deliver(pin: Pin, store: Store, folder: Path) -> None:
    """Lay the raw files of a pin out of the store into a folder. Raises UserError."""
    for name, file in pin.files.items():
        if file.checksum is not None:
            shutil.copyfile(_stored(store, name, file.checksum), folder / name)
    unlisted = [name for name, file in pin.files.items() if file.checksum is None]
    if unlisted and pin.archive is not None:
        archive = _stored(store, pin.archive.name, pin.archive.checksum)
        with tempfile.TemporaryDirectory(dir=store.folder) as opened:
            unpack(archive, Path(opened), _MAX_UNPACKED, only={f"{name}.gz" for name in unlisted})
            for name in unlisted:
                packed = next(Path(opened).rglob(f"{name}.gz"), None)
                if packed is None:
                    raise UserError(f"{pin.archive.name} holds no {name}.gz: correct the name in the pin.")
                gunzip(packed, folder / name, _MAX_UNPACKED)


def _admit_files(pin: Pin, store: Store, files: list[Path]) -> None:
    for name, checksum in missing(pin, store).items():
        candidates = (path for path in files if path.name in (name, f"{name}.gz"))
        any(store.add(path, checksum) for path in candidates)


def _stored(store: Store, name: str, checksum: Checksum) -> Path:
    path = store.get(checksum)
    if path is None:
        raise UserError(f"{name} has been damaged in {store.folder}: fetch again.")
    return path
