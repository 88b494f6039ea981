"""Transfer the files of a training's working folder between machines, as bytes by name.

A checkpoint requires the images and the table rows that were written before it. It is therefore read before them and
written after them: a transfer that is killed halfway leaves more than the checkpoint requires, never less.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ganpipe.common.atomic import atomic_file


class Outbox:
    """The files of a folder that have changed since the previous call."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent: dict[str, tuple[int, int, int]] = {}

    def changed(self) -> dict[str, bytes]:
        """Return new and changed files; they are complete, since files are replaced or appended to."""
        files: dict[str, bytes] = {}
        for path in _files(self._folder):
            name = path.relative_to(self._folder).as_posix()
            try:
                with path.open("rb") as file:
                    state = os.fstat(file.fileno())
                    version = (state.st_ino, state.st_mtime_ns, state.st_size)
                    if self._sent.get(name) != version:
                        files[name] = file.read()
                        self._sent[name] = version
            except FileNotFoundError:  # replaced at this moment: the next call finds the new file
                continue
        return files


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files from `Outbox.changed`, each atomically."""
    for name, content in reversed(list(files.items())):
        with atomic_file(folder / name) as part:
            part.write_bytes(content)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder, then those of its subfolders, without dot files, which are temporary."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))
