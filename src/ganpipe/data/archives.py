"""Unpacking of archives that are not trusted: nothing lands outside the folder or grows without bound."""

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Container, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from ganpipe.common.errors import is_full_disk

_BLOCK = 1 << 20
_MEMBERS = 100_000


class ArchiveError(Exception):
    """The archive is damaged, too large, or reaches for a place outside its folder."""


def unpack(archive: Path, folder: Path, max_bytes: int, only: Container[str] | None = None) -> None:
    """Unpack the plain files of a .zip or .tar(.gz, .xz, .bz2) into a folder, keeping their relative paths.

    only: file names (without folders) to unpack; None means all. max_bytes: bound on all that is unpacked.
    Raises ArchiveError for absolute paths, `..`, links and devices, for more than `max_bytes`, for damage;
    this holds for members that `only` leaves out, too.
    """
    left = max_bytes
    try:
        for position, (name, stream) in enumerate(_members(archive)):
            if position >= _MEMBERS:
                raise ArchiveError(f"{archive.name} holds more than {_MEMBERS} files")
            target = folder / _inside(archive, name)
            if only is not None and target.name not in only:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            left -= copy_bounded(stream, target, left)
    except (tarfile.TarError, zipfile.BadZipFile, RuntimeError, zlib.error, EOFError, OSError) as error:
        if is_full_disk(error):
            raise
        raise ArchiveError(f"{archive.name} cannot be unpacked: {error}") from error


def gunzip(source: Path, target: Path, max_bytes: int) -> None:
    """Decompress one .gz file; ArchiveError when it is damaged or longer than `max_bytes`."""
    try:
        with gzip.open(source) as stream:
            copy_bounded(stream, target, max_bytes)
    except (zlib.error, EOFError, OSError) as error:
        if is_full_disk(error):
            raise
        raise ArchiveError(f"{source.name} cannot be decompressed: {error}") from error


def copy_bounded(stream: IO[bytes] | gzip.GzipFile, target: Path, max_bytes: int) -> int:
    """Copy a stream into a file and return the bytes written; ArchiveError when they exceed `max_bytes`."""
    written = 0
    with target.open("wb") as handle:
        while block := stream.read(_BLOCK):
            written += len(block)
            if written > max_bytes:
                raise ArchiveError(f"{target.name} is larger than the {max_bytes} bytes allowed")
            try:
                handle.write(block)
            except OSError as error:  # a full disk: the system does not say where
                raise OSError(error.errno, error.strerror, str(target)) from error
    return written


def _inside(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise ArchiveError(f"{archive.name} holds the unsafe path {name!r}")
    return path


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                if not entry.is_dir():
                    with zipped.open(entry) as stream:
                        yield entry.filename, stream
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isdir():
                continue
            plain = tar.extractfile(member) if member.isfile() else None
            if plain is None:
                raise ArchiveError(f"{archive.name} holds a link or device: {member.name!r}")
            yield member.name, plain
