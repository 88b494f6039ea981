"""What `ganpipe repro` shows on a terminal and in a log."""

import re
from collections.abc import Callable

import pytest

from ganpipe.common.errors import UserError
from ganpipe.scheduling.display import LiveDisplay, LogDisplay, new_display
from ganpipe.scheduling.repro import repro
from tests.processes import running_in, wait_until
from tests.scheduling.conftest import Workspace, stage
from tests.scheduling.screen import Terminal

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")

_RUN = """
import sys
from ganpipe.common.process import exit_code_of
from ganpipe.scheduling.repro import repro
sys.exit(exit_code_of(lambda: repro({jobs})))
"""
_WAIT = "until test -e go; do sleep 0.05; done"


def _trainings(*names: str) -> dict[str, dict[str, object]]:
    """Return stages that print an epoch each, then wait for the file `go`."""
    line = "${item.run}: epoch 2/5, loss_d 0.69, loss_g 0.7, 1234 images/s, 77 s left"
    command = f"echo '{line}' >&2; {_WAIT}; echo ${{item.run}}"
    return {"train": stage(command, "${item.run}") | {"matrix": {"run": list(names)}}}


def _go(workspace: Workspace) -> None:
    (workspace.root / "go").touch()


@pytest.fixture
def three(workspace: Workspace) -> Workspace:
    """Two trainings that wait for a file, and a third stage that needs both."""
    workspace.write(_trainings("a-0", "b-0") | {"compare": stage("cat out/a-0 out/b-0", "all", "a-0", "b-0")})
    return workspace


def test_a_terminal_shows_one_line_per_running_stage(three: Workspace) -> None:
    terminal = Terminal(_RUN.format(jobs=2), three.root, width=100)
    shown = terminal.wait_until(lambda text: text.count("epoch 2/5") == 2)
    assert re.search(r"^0:\d\d: 2 running, 1 waiting; at least 7\d s left \(1 stage not measured yet\)$", shown, re.M)
    for name in ("a-0", "b-0"):
        losses = "epoch 2/5, loss_d 0.69, loss_g 0.7, 1234 images/s, 77 s left"
        assert re.search(rf"^train@{name} +0:\d\d  {losses}$", shown, re.M), shown
    _go(three)
    shown = terminal.wait()
    assert terminal.process.returncode == 0
    assert shown.strip() == "3 stages done, 0 were up to date", "the lines are removed at the end"
    assert terminal.screen.cursor_visible


def test_a_command_is_not_progress(workspace: Workspace) -> None:
    workspace.write({"quiet": stage(_WAIT, "quiet")})
    terminal = Terminal(_RUN.format(jobs=1), workspace.root)
    shown = terminal.wait_until(lambda text: re.search(r"quiet +0:0[2-9]$", text, re.M) is not None)
    assert "until test" not in shown
    _go(workspace)
    terminal.wait()


def test_one_stage_at_a_time(three: Workspace) -> None:
    terminal = Terminal(_RUN.format(jobs=1), three.root)
    shown = terminal.wait_until(lambda text: "epoch 2/5" in text)
    assert shown.count("train@") == 1
    assert "1 running, 2 waiting" in shown
    _go(three)
    assert "3 stages done" in terminal.wait()


@pytest.mark.parametrize(("width", "height"), [(20, 24), (5, 3), (100, 4)])
def test_lines_fit_the_terminal(workspace: Workspace, width: int, height: int) -> None:
    stages = _trainings(*(f"run{number}-0" for number in range(6)))
    waiting = {f"later{number}": stage("true", f"later{number}", "run0-0") for number in range(60)}
    workspace.write(stages | waiting)
    terminal = Terminal(_RUN.format(jobs=6), workspace.root, width=width, height=height)
    shown = terminal.wait_until(lambda text: "train@run0" in text or "..." in text)
    drawn = [line for line in shown.splitlines() if line]
    assert len(drawn) <= height
    assert all(len(line) < width for line in drawn)
    if (width, height) == (100, 4):
        assert "6 running, 60 waiting" in shown
        assert "... and 5 more" in shown
    terminal.type("\x03")
    terminal.wait()


def test_a_resized_terminal_keeps_one_set_of_lines(three: Workspace) -> None:
    terminal = Terminal(_RUN.format(jobs=2), three.root, width=100)
    terminal.wait_until(lambda text: text.count("epoch 2/5") == 2)
    terminal.resize(30, 10)
    shown = terminal.wait_until(lambda text: all(len(line) < 30 for line in text.splitlines()))
    assert shown.count("train@a-0") == 1
    terminal.resize(100, 10)
    shown = terminal.wait_until(lambda text: text.count("77 s left") == 2)
    assert shown.count("train@a-0") == 1
    _go(three)
    assert "3 stages done" in terminal.wait()


def test_a_failure_stays_readable_above_the_lines(workspace: Workspace) -> None:
    reason = "[bold]the reason[/bold] \\033[31m" + "is long " * 20
    bad = stage(f"printf '{reason}\\n' >&2; exit 3", "bad")
    workspace.write({"bad": bad} | _trainings("a-0") | {"late": stage("echo late", "late", "bad")})
    terminal = Terminal(_RUN.format(jobs=2), workspace.root, width=60)
    shown = terminal.wait_until(lambda text: "1 failed" in text and "epoch" in text)
    assert re.search(r"^failed    bad \d", shown, re.M)
    assert "[bold]the reason[/bold] is long" in shown
    assert shown.replace("\n", "").count("is long") >= 2 * 20, "wrapped, not cut, in the command and in the output"
    assert shown.index("the reason") < shown.index("1 failed") < shown.index("train@a-0")
    _go(workspace)
    shown = terminal.wait()
    assert terminal.process.returncode == 1
    assert "the reason" in shown
    assert "bad failed; its complete output is in" in shown.replace("\n", "")
    assert "epoch 2/5" not in shown, "the lines are removed"


def test_ctrl_c_leaves_a_clean_terminal(three: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(_RUN.format(jobs=2), three.root, width=100)
    terminal.wait_until(lambda text: text.count("epoch 2/5") == 2)
    terminal.type("\x03")
    shown = terminal.wait()
    assert terminal.process.returncode == 130
    assert shown.replace("^C", "").strip() == "interrupted: the next run resumes from the last checkpoint"
    assert terminal.screen.cursor_visible
    monkeypatch.chdir(three.root.parent)
    wait_until(lambda: not running_in(three.root))


def test_a_dumb_terminal_gets_the_lines_of_a_log(workspace: Workspace) -> None:
    workspace.write({"a": stage("echo a", "a")})
    shown = Terminal(_RUN.format(jobs=1), workspace.root, TERM="dumb").wait()
    assert re.search(r"^started   a\ndone      a \d", shown, re.M)


def test_no_colour_is_respected(three: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal(_RUN.format(jobs=2), three.root, width=100, NO_COLOR="1")
    sequences = list[str]()
    control: Callable[..., None] = terminal.screen._control
    monkeypatch.setattr(
        terminal.screen, "_control", lambda *what: (sequences.append(what[1] + what[2]), control(*what))
    )
    terminal.wait_until(lambda text: text.count("epoch 2/5") == 2)
    assert not [code for code in sequences if re.fullmatch(r"(.*;)?[349]\d.*m", code)], "no colours"
    _go(three)
    terminal.wait()


def test_a_file_gets_the_lines_of_a_log(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(new_display(), LogDisplay)
    workspace.write({"bad": stage("echo the reason >&2; exit 3", "bad")})
    with pytest.raises(UserError, match="bad failed"):
        repro(1)
    output = capsys.readouterr()
    assert re.fullmatch(r"started   bad\nfailed    bad \d.\d s\n", output.out)
    assert "  the reason" in output.err


def test_the_live_display_needs_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(new_display(), LiveDisplay)
    monkeypatch.delenv("TERM")
    assert isinstance(new_display(), LogDisplay)
