"""The transfer of a working folder: complete files only, and no checkpoint without the files that it requires."""

import os
from pathlib import Path

import pytest

from ganpipe.common.atomic import write_text
from ganpipe.executors.files import Outbox, write_files


def fill(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        write_text(folder / name.replace("__", "/"), text)


def test_every_change_is_sent_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    assert outbox.changed() == {}
    fill(tmp_path, checkpoint="one", progress__first="image")
    assert outbox.changed() == {"checkpoint": b"one", "progress/first": b"image"}
    assert outbox.changed() == {}
    fill(tmp_path, checkpoint="two", progress__second="image")
    assert outbox.changed() == {"checkpoint": b"two", "progress/second": b"image"}


def test_appended_file_is_sent_again(tmp_path: Path) -> None:
    outbox, table = Outbox(tmp_path), tmp_path / "table"
    table.write_bytes(b"one")
    state = table.stat()
    outbox.changed()
    with table.open("ab") as file:
        file.write(b" two")
    os.utime(table, ns=(state.st_atime_ns, state.st_mtime_ns))  # within the resolution of the file system's clock
    assert outbox.changed() == {"table": b"one two"}


def test_temporary_files_are_not_sent(tmp_path: Path) -> None:
    (tmp_path / ".result.part").mkdir()
    for name in (".checkpoint.part", ".lock", ".result.part/model"):
        (tmp_path / name).write_text("half")
    assert Outbox(tmp_path).changed() == {}


def test_checkpoint_is_read_first_and_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "here", a__image="", tables__history="", checkpoint="", z__image="")
    files = Outbox(tmp_path / "here").changed()
    assert next(iter(files)) == "checkpoint"
    written = []
    replace = Path.replace

    def record(path: Path, target: Path) -> Path:
        written.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", record)
    write_files(tmp_path / "there", files)
    assert written[-1] == "checkpoint" and len(written) == 4
    assert Outbox(tmp_path / "there").changed() == files
