"""How a process ends: a mistake without a traceback, a full disk with its cure, a bug as itself."""

import errno
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.common.process import guarded
from tests.processes import wait_until


def failing(error: BaseException) -> int:
    def work() -> None:
        raise error

    return guarded(work)


def test_well_done_is_0() -> None:
    assert guarded(lambda: None) == 0


def test_a_mistake_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(UserError("lr: too high")) == 1
    assert capsys.readouterr().err == "error: lr: too high\n"


def test_a_full_disk_is_told_with_its_cure(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(OSError(errno.ENOSPC, "No space left on device", "out/x")) == 1
    assert "no space left to write (out/x): make room" in capsys.readouterr().err


def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(ZeroDivisionError):
        failing(ZeroDivisionError())
    with pytest.raises(PermissionError):
        failing(PermissionError(errno.EACCES, "Permission denied"))


def test_an_interrupted_run_says_how_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(KeyboardInterrupt()) == 130
    assert "goes on from the last checkpoint" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_a_stage_dies_with_its_parent(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    child = f"""
import time
from ganpipe.common.process import die_with_parent
die_with_parent()
for number in range(600):
    open({str(beat)!r}, "w").write(str(number))
    time.sleep(0.05)
"""
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent])
    wait_until(beat.exists)
    process.kill()
    process.wait()
    time.sleep(0.5)
    last = beat.read_text()
    time.sleep(0.5)
    assert beat.read_text() == last


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process of its parent's death")
def test_a_stage_whose_parent_died_while_it_was_still_importing_ends(tmp_path: Path) -> None:
    started, worked = tmp_path / "started", tmp_path / "worked"
    child = f"""
import pathlib, time
pathlib.Path({str(started)!r}).touch()
time.sleep(1)
from ganpipe.common.process import die_with_parent
die_with_parent()
pathlib.Path({str(worked)!r}).touch()
"""
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], start_new_session=True)
    wait_until(started.exists)
    process.kill()
    process.wait()
    time.sleep(2)
    assert not worked.exists()
