import os
import sys
import time
from pathlib import Path

import pytest

from ganpipe.data.subprocess_limits import Limits, ProgramError, run


def python(body: str) -> list[str]:
    return [sys.executable, "-c", body]


def test_a_program_that_ends_well(tmp_path: Path) -> None:
    run(python("open('file', 'w').write('x')"), tmp_path, Limits(), 1, "try")
    assert (tmp_path / "file").read_text() == "x"


def test_a_silent_program_is_ended_with_what_it_started(tmp_path: Path) -> None:
    body = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open('pid', 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    start = time.monotonic()
    with pytest.raises(ProgramError, match=r"nothing came for 1 s"):
        run(python(body), tmp_path, Limits(silence=1), 1, "try")
    assert time.monotonic() - start < 10
    child = int((tmp_path / "pid").read_text())
    assert wait_until(lambda: not alive(child))


def test_a_dripping_program_is_ended_after_the_total(tmp_path: Path) -> None:
    body = "import time\nfor _ in range(50):\n    open('file', 'a').write('x'); time.sleep(0.1)"
    with pytest.raises(ProgramError, match=r"not done after 1 s"):
        run(python(body), tmp_path, Limits(silence=0.9, total=1), 1, "try")


def test_a_flood_is_ended(tmp_path: Path) -> None:
    body = "import time\nopen('file', 'wb').truncate(100 << 20); time.sleep(60)"
    with pytest.raises(ProgramError, match="three times"):
        run(python(body), tmp_path, Limits(), 1, "try")


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="no-such-program is not installed"):
        run(["no-such-program"], tmp_path, Limits(), 1, "try")


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ("npm error code E404\nnpm error 404 Not Found\nnpm error 404", "npm error code E404; npm error 404 Not Found"),
        ("W: careful\nE: Unable to locate package x", "E: Unable to locate package x"),
        ("Traceback\nModuleNotFoundError: no torchvision", "ModuleNotFoundError: no torchvision"),
        ("", "exit code 3"),
    ],
)
def test_the_reason_is_one_line_of_what_it_said(messages: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ProgramError) as error:
        run(python(f"import sys; sys.stderr.write({messages!r}); sys.exit(3)"), tmp_path, Limits(), 1, "try")
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
