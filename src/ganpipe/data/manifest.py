"""Manifest of a folder: name, version and content hash of every file. Only files that changed are hashed again."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ganpipe.common.atomic import write_text
from ganpipe.common.hashing import file_digest
from ganpipe.data.find_files import find_file, find_files

_SETTLED_SECONDS = 2.0
"""A file changed within this time before it was hashed is hashed again: another change may have the same time stamp."""

UNREADABLE = "unreadable"
"""Instead of the hash of a file that cannot be read, or of a link without target."""
_UNREADABLE_FILES = ("unreadable", "dangling link")
"""Reasons of `find_files` for skipping what could become an image: its appearance is a change."""


@dataclass(frozen=True)
class Manifest:
    """The files of a folder by name (see `FoundFile`): version and SHA-256 of each.

    settled: the names of the files whose hash may be reused while their version is the same.
    """

    versions: Mapping[str, tuple[int, ...]]
    hashes: Mapping[str, str]
    settled: frozenset[str]

    @property
    def digest(self) -> str:
        """SHA-256 of all names and contents: equal for equal folders, wherever they are and whenever they changed."""
        total = hashlib.sha256()
        for name, content in self.hashes.items():
            total.update(os.fsencode(name) + b"\0" + content.encode() + b"\0")
        return total.hexdigest()


def build_manifest(path: Path, previous: Manifest | None = None) -> Manifest:
    """List and hash a single file, or the files of a folder; hidden and system files, pipes and devices are left out.

    previous: an earlier manifest of the same path. A file whose size, times of change and inode are those of `previous`
    is not read again. Raises OSError if the folder cannot be read.
    """
    now = time.time_ns()
    folder = path if path.is_dir() else path.parent
    files = find_files(path) if path.is_dir() else [find_file(path)]
    versions = {file.name: file.version for file in files if file.skipped in (None, *_UNREADABLE_FILES)}
    hashes, settled = {}, set()
    for name, version in versions.items():
        if not version:
            hashes[name] = UNREADABLE
            continue
        if previous is not None and name in previous.settled and previous.versions[name] == version:
            hashes[name] = previous.hashes[name]
        else:
            try:
                hashes[name] = file_digest(folder / name)
            except OSError:
                hashes[name] = UNREADABLE
        _, changed_ns, status_changed_ns, _ = version
        if hashes[name] != UNREADABLE and max(changed_ns, status_changed_ns) < now - _SETTLED_SECONDS * 1e9:
            settled.add(name)
    return Manifest(versions, hashes, frozenset(settled))


def update_manifest(path: Path, stored: Path) -> Manifest:
    """Build the manifest of a folder or file, reusing the one in the file `stored`, which is replaced after changes."""
    previous = read_manifest(stored)
    manifest = build_manifest(path, previous)
    if manifest != previous:
        write_manifest(manifest, stored)
    return manifest


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Store a manifest as JSON: name -> [hash, settled, *version]."""
    rows = {
        name: [manifest.hashes[name], name in manifest.settled, *version] for name, version in manifest.versions.items()
    }
    write_text(path, json.dumps(rows))


def read_manifest(path: Path) -> Manifest | None:
    """Read a stored manifest; None if there is none or it is damaged, so that all files are hashed again."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return Manifest(
            {name: tuple(version) for name, (_, _, *version) in rows.items()},
            {name: str(content) for name, (content, *_) in rows.items()},
            frozenset(name for name, (_, is_settled, *_) in rows.items() if is_settled),
        )
    except (OSError, ValueError, TypeError, AttributeError):
        return None
