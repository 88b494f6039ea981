import os
import sys
import time
from pathlib import Path

import pytest

from ganpipe.data.subprocess_limits import ProgramError, TimeLimits, run_limited


def python(body: str) -> list[str]:
    return [sys.executable, "-c", body]


def test_a_program_that_succeeds(tmp_path: Path) -> None:
    run_limited(python("open('file', 'w').write('x')"), tmp_path, TimeLimits(), 1, "test")
    assert (tmp_path / "file").read_text() == "x"


def test_an_idle_program_is_killed_with_its_child_processes(tmp_path: Path) -> None:
    body = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pid', 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    start = time.monotonic()
    with pytest.raises(ProgramError, match=r"received nothing for 1 s"):
        run_limited(python(body), tmp_path, TimeLimits(idle=1), 1, "test")
    assert time.monotonic() - start < 10
    child = int((tmp_path / "pid").read_text())
    assert wait_until(lambda: not alive(child))


def test_a_slow_program_is_killed_after_the_total_time(tmp_path: Path) -> None:
    body = "import time\nfor _ in range(50):\n    open('file', 'a').write('x'); time.sleep(0.1)"
    with pytest.raises(ProgramError, match=r"not finished after 1 s"):
        run_limited(python(body), tmp_path, TimeLimits(idle=0.9, total=1), 1, "test")


def test_a_program_that_writes_too_much_is_killed(tmp_path: Path) -> None:
    body = "import time\nopen('file', 'wb').truncate(100 << 20); time.sleep(60)"
    with pytest.raises(ProgramError, match="three times"):
        run_limited(python(body), tmp_path, TimeLimits(), 1, "test")


def test_a_missing_program_is_reported_by_name(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="no-such-program is not installed"):
        run_limited(["no-such-program"], tmp_path, TimeLimits(), 1, "test")


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ("npm error code E404\nnpm error 404 Not Found\nnpm error 404", "npm error code E404; npm error 404 Not Found"),
        ("W: careful\nE: Unable to locate package x", "E: Unable to locate package x"),
        ("Traceback\nModuleNotFoundError: no torchvision", "ModuleNotFoundError: no torchvision"),
        ("", "exit code 3"),
    ],
)
def test_the_error_message_is_one_line_of_the_output(messages: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ProgramError) as error:
        run_limited(
            python(f"import sys; sys.stderr.write({messages!r}); sys.exit(3)"), tmp_path, TimeLimits(), 1, "test"
        )
    assert str(error.value) == reason


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        return not Path("/proc/self").exists()
    return state != "Z"


def wait_until(condition: object, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False
