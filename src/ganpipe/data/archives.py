"""Extraction of untrusted archives: nothing is written outside the target folder, and sizes are limited."""

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Container, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from ganpipe.common.errors import is_full_disk

_BLOCK = 1 << 20
MAX_FILES = 5_000_000


class ArchiveError(Exception):
    """The archive is damaged, too large, or holds a path, link or device that could write outside its folder."""


def unpack(archive: Path, folder: Path, max_bytes: int, only: Container[str] | None = None) -> None:
    """Extract the regular files of a .zip or .tar(.gz, .xz, .bz2) into a folder, keeping their relative paths.

    only: file names (without folders) to extract; None extracts all. max_bytes: limit on the sum of extracted sizes.
    Raises ArchiveError for absolute paths, `..`, links, devices and names that occur twice (also among the files that
    `only` excludes), for more than `max_bytes`, and for damaged archives.
    """
    remaining = max_bytes
    seen: set[PurePosixPath] = set()
    try:
        for name, stream in _members(archive):
            path = _safe_path(archive, name)
            if path in seen:
                raise ArchiveError(f"{archive.name} contains {name!r} twice")
            seen.add(path)
            if len(seen) > MAX_FILES:
                raise ArchiveError(f"{archive.name} contains more than {MAX_FILES} files")
            target = folder / path
            if only is not None and target.name not in only:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            remaining -= copy_limited(stream, target, remaining)
    except (tarfile.TarError, zipfile.BadZipFile, RuntimeError, zlib.error, EOFError, OSError) as error:
        if is_full_disk(error):
            raise
        raise ArchiveError(f"{archive.name} cannot be unpacked: {error}") from error


def gunzip(source: Path, target: Path, max_bytes: int) -> None:
    """Decompress one .gz file. Raises ArchiveError if it is damaged or decompresses to more than `max_bytes`."""
    try:
        with gzip.open(source) as stream:
            copy_limited(stream, target, max_bytes)
    except (zlib.error, EOFError, OSError) as error:
        if is_full_disk(error):
            raise
        raise ArchiveError(f"{source.name} cannot be decompressed: {error}") from error


def copy_limited(stream: IO[bytes] | gzip.GzipFile, target: Path, max_bytes: int) -> int:
    """Copy a stream to a file and return the number of bytes. Raises ArchiveError if they exceed `max_bytes`."""
    written = 0
    with target.open("wb") as handle:
        while block := stream.read(_BLOCK):
            written += len(block)
            if written > max_bytes:
                raise ArchiveError(f"{target.name} is larger than the limit of {max_bytes} bytes")
            try:
                handle.write(block)
            except OSError as error:  # the error of a full disk does not name the file
                raise OSError(error.errno, error.strerror, str(target)) from error
    return written


def _safe_path(archive: Path, name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise ArchiveError(f"{archive.name} contains the unsafe path {name!r}")
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
            stream_or_none = tar.extractfile(member) if member.isfile() else None
            if stream_or_none is None:
                raise ArchiveError(f"{archive.name} contains a link or device: {member.name!r}")
            yield member.name, stream_or_none
