"""One process at a time uses the working folder of a training."""

from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.training import workdir


def test_second_user_is_rejected_until_the_first_has_finished(tmp_path: Path) -> None:
    with workdir.locked(tmp_path / "run") as folder:
        assert folder.is_dir()
        with (
            pytest.raises(UserError, match=r"run: another process is training this run\. Wait"),
            workdir.locked(folder),
        ):
            pass
    with workdir.locked(folder):
        pass


def test_interrupted_writes_are_removed_when_no_process_can_be_writing(tmp_path: Path) -> None:
    with workdir.locked(tmp_path / "run") as folder:
        (folder / "checkpoint.pt").write_text("state")
        (folder / ".checkpoint.pt.01234567.part").write_text("half")
        (folder / "snapshots" / ".00002.01234567.part").mkdir(parents=True)
        (folder / "snapshots" / ".00002.01234567.part" / "model.json").write_text("half")
        with pytest.raises(UserError), workdir.locked(folder):
            pass
        assert len(list(folder.rglob("*.part"))) == 2  # this process could be writing them
    with workdir.locked(folder):
        left = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
        assert left == {".lock", "checkpoint.pt", "snapshots"}


def test_unused_folder_is_removed(tmp_path: Path) -> None:
    with workdir.locked(tmp_path / "run") as folder:
        (folder / "checkpoint.pt").write_text("state")
    workdir.remove(folder)
    assert not folder.exists()
    workdir.remove(folder)
    assert not folder.exists()


def test_folder_in_use_is_not_removed(tmp_path: Path) -> None:
    with workdir.locked(tmp_path / "run") as folder:
        (folder / "checkpoint.pt").write_text("state")
        workdir.remove(folder)
        assert (folder / "checkpoint.pt").read_text() == "state"
