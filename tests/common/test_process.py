"""Exit codes and messages: user errors without traceback, full disks with advice, bugs with traceback."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.common.process import available_cores, exit_code_of, tune_allocator
from tests.processes import wait_until


def exit_code_after(error: BaseException) -> int:
    def fail() -> None:
        raise error

    return exit_code_of(fail)


def test_success_is_exit_code_0() -> None:
    assert exit_code_of(lambda: None) == 0


def test_user_error_is_printed_with_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_after(UserError("lr: too high")) == 1
    assert capsys.readouterr().err == "error: lr: too high\n"


def test_full_disk_is_reported_with_advice(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_after(OSError(errno.ENOSPC, "No space left on device", "out/x")) == 1
    assert "error: out/x: no space left on the disk. Free some space" in capsys.readouterr().err


def test_other_exceptions_pass_through() -> None:
    with pytest.raises(ZeroDivisionError):
        exit_code_after(ZeroDivisionError())
    with pytest.raises(PermissionError):
        exit_code_after(PermissionError(errno.EACCES, "Permission denied"))


def test_interrupt_message_says_how_to_resume(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code_after(KeyboardInterrupt()) == 130
    assert "resumes from the last checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_process_dies_with_its_parent(platform: str, tmp_path: Path) -> None:
    if platform == "linux" != sys.platform:
        pytest.skip("PR_SET_PDEATHSIG exists on Linux only")
    beat = tmp_path / "beat"
    child = f"""
import sys, time
from ganpipe.common.process import die_with_parent
sys.platform = {platform!r}
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
    time.sleep(1.5)
    last = beat.read_text()
    time.sleep(0.5)
    assert beat.read_text() == last


def test_other_systems_than_linux_need_no_libc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", None)
    monkeypatch.setattr("sys.platform", "darwin")
    tune_allocator()
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    assert available_cores() == os.cpu_count()


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG exists on Linux only")
def test_process_whose_parent_died_during_its_imports_ends(tmp_path: Path) -> None:
    started, survived = tmp_path / "started", tmp_path / "survived"
    child = f"""
import pathlib, time
pathlib.Path({str(started)!r}).touch()
time.sleep(1)
from ganpipe.common.process import die_with_parent
die_with_parent()
pathlib.Path({str(survived)!r}).touch()
"""
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], start_new_session=True)
    wait_until(started.exists)
    process.kill()
    process.wait()
    time.sleep(2)
    assert not survived.exists()
