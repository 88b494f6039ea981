"""The files of a training's working folder on their way between machines, as bytes by their names.

A checkpoint promises the pictures that came before it. So it is read before them and written after them: whoever is
killed half-way leaves more pictures than were promised, never fewer.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ganpipe.common.atomic import atomic_file


class Outbox:
    """What has changed in a folder since it was last asked."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, tuple[int, int]] = {}

    def changed(self) -> dict[str, bytes]:
        """New and changed files, as they stand now; a file is whole, since files are replaced and not written over."""
        fresh: dict[str, bytes] = {}
        for path in _files(self._folder):
            name = path.relative_to(self._folder).as_posix()
            try:
                with path.open("rb") as file:
                    state = os.fstat(file.fileno())
                    version = (state.st_ino, state.st_mtime_ns)
                    if self._seen.get(name) != version:
                        fresh[name] = file.read()
                        self._seen[name] = version
            except FileNotFoundError:  # replaced just now: the next look finds the new one
                continue
        return fresh


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files that `Outbox.changed` gave, each whole or not at all."""
    for name, content in reversed(list(files.items())):
        with atomic_file(folder / name) as part:
            part.write_bytes(content)


def _files(folder: Path) -> Iterator[Path]:
    """The files in a folder before those in its subfolders; not those in the making, whose names begin with a dot."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))
