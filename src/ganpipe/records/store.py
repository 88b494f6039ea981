"""The record folders: `<root>/.ganpipe/records/<key>/<part>/`, one folder per run and one part per stage.

The root is the main checkout also for `dvc exp run --temp` and queued runs, whose own workspace is deleted. A
part is written whole or not at all, by one process at a time.
"""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from ganpipe.common.atomic import atomic_folder, write_text
from ganpipe.common.errors import UserError
from ganpipe.common.hashing import digest, file_digest

Kind = Literal["run", "stage", "grid"]
_META = "part.json"
_STAGES = ("train", "sample", "evaluate")
_KEY = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Part:
    """What one stage files.

    `settings`, `numbers` and the bytes of the files are its content: filing equal content again changes nothing.
    `labels` (names to find it by, the circumstances it was made in) and `costs` (measured seconds, rates, memory)
    may differ between two executions that end with equal content; those of the first are kept.
    """

    name: str
    kind: Kind
    started_ms: int
    settings: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)  # name -> SHA-256, known once filed

    @property
    def digest(self) -> str:
        """Digest of the content."""
        return digest({"name": self.name, "settings": self.settings, "numbers": self.numbers, "files": self.files})


@dataclass(frozen=True)
class Record:
    """All parts that were filed under one key, in the order of the stages."""

    key: str
    folder: Path
    parts: dict[str, Part]

    @property
    def kind(self) -> Kind:
        """What the record is about: the run of an experiment, a data stage, or a grid of runs."""
        return next(iter(self.parts.values())).kind

    @property
    def started_ms(self) -> int:
        """Milliseconds since 1970 at which its first stage began."""
        return next(iter(self.parts.values())).started_ms

    def path(self, part: str, name: str) -> Path:
        """Where a filed file lies."""
        return self.folder / part / name


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def records_folder(root: Path) -> Path:
    """The folder that holds all records of a checkout."""
    return root / ".ganpipe" / "records"


def _folder(root: Path, key: str) -> Path:
    if not _KEY.fullmatch(key):
        raise ValueError(f"a record's key is made of letters, digits, '-', '_' and inner dots, not {key!r}")
    return records_folder(root) / key


def _note(root: Path, key: str, part: str) -> Path:
    return _folder(root, key) / f"{part}.begun.json"


def begin(root: Path, key: str, part: Part) -> Part:
    """Note that a stage starts on this part; one that starts again after a kill gets its first note back.

    So the points that it logs while it runs carry equal times before and after the kill. Filing ends the note.
    """
    note = _note(root, key, part.name)
    if note.exists():
        return _read(note)
    write_text(note, json.dumps(asdict(part), indent=1))
    return part


def file_part(root: Path, key: str, part: Part, files: Mapping[str, Path | str]) -> None:
    """File a part: copies of files (Path) and texts (str) under their names, and the facts about them.

    A name may hold slashes. The part appears as a whole; equal content leaves the record as it is.
    """
    target = _folder(root, key) / part.name
    filed = replace(part, files={name: _digest(source) for name, source in files.items()})
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / ".file.lock"):
        if not target.exists() or _read(target / _META).digest != filed.digest:
            with atomic_folder(target) as fresh:
                _fill(fresh, filed, files)
        _note(root, key, part.name).unlink(missing_ok=True)


def _digest(source: Path | str) -> str:
    return file_digest(source) if isinstance(source, Path) else hashlib.sha256(source.encode()).hexdigest()


def _fill(folder: Path, part: Part, files: Mapping[str, Path | str]) -> None:
    for name, source in files.items():
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, Path):
            shutil.copyfile(source, copy)
        else:
            copy.write_bytes(source.encode())
    write_text(folder / _META, json.dumps(asdict(part), indent=1, allow_nan=False))


def _read(path: Path) -> Part:
    try:
        part = Part(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"The record {path} cannot be read ({error}): remove its folder and run the stage again."
        ) from error
    if part.kind not in get_args(Kind):
        raise UserError(f"The record {path} is of the unknown kind {part.kind!r}: remove its folder.")
    return part


def load(root: Path, key: str) -> Record:
    """The record of one key, without parts when no stage has ended yet. Raises UserError when damaged."""
    folder = _folder(root, key)
    parts = [_read(path) for path in folder.glob(f"[!.]*/{_META}")]
    parts.sort(key=lambda part: _STAGES.index(part.name) if part.name in _STAGES else 0)
    return Record(key, folder, {part.name: part for part in parts})


def keys(root: Path) -> list[str]:
    """The keys of all records of a checkout, in alphabetical order."""
    return sorted(folder.name for folder in records_folder(root).glob("*/") if not folder.name.startswith("."))


@contextmanager
def run_lock(root: Path, key: str) -> Iterator[bool]:
    """Hold the mark of the process that works on a run while the block runs; False when another one holds it.

    The operating system lets go of the mark when its owner dies.
    """
    folder = _folder(root, key)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".owner.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
