"""Record folders: `<root>/.ganpipe/records/<key>/<part>/`, one key per run and one part per stage.

The root is the main checkout, also for `dvc exp run --temp` and queued runs, because DVC deletes their workspaces.
Parts are written atomically and by one process at a time.
"""

import hashlib
import json
import re
import shutil
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
    """The record of one stage.

    `settings`, `numbers` and the bytes of the files are its content: writing equal content again changes nothing.
    `labels` (names to search by, environment) and `costs` (seconds, rates, memory) may differ between two executions
    with equal content; the first execution's are kept.
    """

    name: str
    kind: Kind
    started_ms: int
    settings: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    costs: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)  # name -> SHA-256, filled in when the part is written

    @property
    def digest(self) -> str:
        """Digest of the content."""
        return digest({"name": self.name, "settings": self.settings, "numbers": self.numbers, "files": self.files})


@dataclass(frozen=True)
class Record:
    """All parts written under one key, in the order of the stages."""

    key: str
    folder: Path
    parts: dict[str, Part]

    @property
    def kind(self) -> Kind:
        """What is recorded: a run of an experiment, a data stage, or a grid of runs (a report)."""
        return next(iter(self.parts.values())).kind

    @property
    def started_ms(self) -> int:
        """Start of the first stage, in milliseconds since 1970."""
        return next(iter(self.parts.values())).started_ms

    def path(self, part: str, name: str) -> Path:
        """Return the path of a recorded file."""
        return self.folder / part / name


def records_folder(root: Path) -> Path:
    """Return the folder that holds all records of a checkout."""
    return root / ".ganpipe" / "records"


def _folder(root: Path, key: str) -> Path:
    if not _KEY.fullmatch(key):
        raise ValueError(f"record key {key!r}: only letters, digits, '-', '_' and inner dots are allowed")
    return records_folder(root) / key


def _start_note(root: Path, key: str, part: str) -> Path:
    return _folder(root, key) / f"{part}.begun.json"


def begin_part(root: Path, key: str, part: Part) -> Part:
    """Note on disk that a stage has started on this part, and return the part to record when it ends.

    A stage that was killed and restarted gets the part of its first start, so that the points logged to MLflow before
    and after the kill carry consistent timestamps. `write_part` removes the note.
    """
    note = _start_note(root, key, part.name)
    if note.exists():
        return _read(note)
    write_text(note, json.dumps(asdict(part), indent=1))
    return part


def write_part(root: Path, key: str, part: Part, files: Mapping[str, Path | str]) -> None:
    """Write a part atomically: its metadata, copies of files (Path) and texts (str) under their names.

    A name may contain slashes. Equal content leaves the existing record unchanged.
    """
    target = _folder(root, key) / part.name
    complete = replace(part, files={name: _digest(source) for name, source in files.items()})
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.parent / ".file.lock"):
        if not target.exists() or _read(target / _META).digest != complete.digest:
            with atomic_folder(target) as new:
                _fill(new, complete, files)
        _start_note(root, key, part.name).unlink(missing_ok=True)


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
            f"{path}: the record cannot be read ({error}). Remove its folder and rerun the stage."
        ) from error
    if part.kind not in get_args(Kind):
        raise UserError(f"{path}: unknown kind of record {part.kind!r}. Remove its folder.")
    return part


def load(root: Path, key: str) -> Record:
    """Return the record of a key; it has no parts until a stage has ended. Raises UserError if it is damaged."""
    folder = _folder(root, key)
    parts = [_read(path) for path in folder.glob(f"[!.]*/{_META}")]
    parts.sort(key=lambda part: _STAGES.index(part.name) if part.name in _STAGES else 0)
    return Record(key, folder, {part.name: part for part in parts})


def keys(root: Path) -> list[str]:
    """Return the keys of all records of a checkout in alphabetical order."""
    return sorted(folder.name for folder in records_folder(root).glob("*/") if not folder.name.startswith("."))


@contextmanager
def run_lock(root: Path, key: str) -> Iterator[bool]:
    """Hold the lock of the process that trains a run; yield False if another process holds it.

    The operating system releases the lock when its owner dies.
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
