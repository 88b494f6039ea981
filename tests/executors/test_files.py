"""A folder on its way to another machine: whole files only, and never a checkpoint without what it promises."""

from pathlib import Path

import pytest

from ganpipe.common.atomic import write_text
from ganpipe.executors.files import Outbox, write_files


def fill(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        write_text(folder / name.replace("__", "/"), text)


def test_each_change_is_told_once(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path)
    assert outbox.changed() == {}
    fill(tmp_path, checkpoint="one", progress__first="picture")
    assert outbox.changed() == {"checkpoint": b"one", "progress/first": b"picture"}
    assert outbox.changed() == {}
    fill(tmp_path, checkpoint="two", progress__second="picture")
    assert outbox.changed() == {"checkpoint": b"two", "progress/second": b"picture"}


def test_what_is_in_the_making_stays(tmp_path: Path) -> None:
    (tmp_path / ".result.part").mkdir()
    for name in (".checkpoint.part", ".lock", ".result.part/model"):
        (tmp_path / name).write_text("half")
    assert Outbox(tmp_path).changed() == {}


def test_a_checkpoint_is_read_first_and_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "here", a__picture="", progress__picture="", checkpoint="", z__picture="")
    files = Outbox(tmp_path / "here").changed()
    assert next(iter(files)) == "checkpoint"
    written = []
    replace = Path.replace

    def noted(path: Path, target: Path) -> Path:
        written.append(target.name)
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", noted)
    write_files(tmp_path / "there", files)
    assert written[-1] == "checkpoint" and len(written) == 4
    assert Outbox(tmp_path / "there").changed() == files
