import re
import sys
from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.scheduling.repro import default_jobs, repro
from tests.scheduling.conftest import Workspace, stage

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")

# Ends when the other has begun too, or in failure after some patience.
_MEET = "touch met-{me} && timeout {patience} sh -c 'until test -e met-{other}; do sleep 0.02; done' && echo {me}"


def _started(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return re.findall(r"^started +(\S+)", capsys.readouterr().out, flags=re.MULTILINE)


def _diamond(workspace: Workspace) -> None:
    (workspace.root / "source.txt").write_text("1")
    workspace.write(
        {
            "top": stage("cat source.txt", "top", "source.txt"),
            "slow": stage("sleep 1 && cat out/top", "slow", "top"),
            "quick": stage("cat out/top", "quick", "top"),
            "bottom": stage("cat out/slow out/quick", "bottom", "slow", "quick"),
        }
    )


def test_ends_as_dvc_repro_does(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _diamond(workspace)
    workspace.dvc("repro")
    serial = workspace.lock()
    workspace.forget()

    repro(2)

    ended = re.findall(r"^done +(\S+)", capsys.readouterr().out, flags=re.MULTILINE)
    assert ended == ["top", "quick", "slow", "bottom"], "other than in series, so that the order of entries is at stake"
    assert workspace.lock() == serial
    assert "Running stage" not in workspace.dvc("repro")
    assert workspace.lock() == serial


def test_stages_run_at_once_and_no_more_than_told(workspace: Workspace) -> None:
    def meeting(patience: int) -> dict[str, dict[str, object]]:
        sides = (("left", "right"), ("right", "left"))
        return {me: stage(_MEET.format(me=me, other=other, patience=patience), me) for me, other in sides}

    workspace.write(meeting(1))
    with pytest.raises(UserError, match="left failed"):
        repro(1)
    (workspace.root / "met-left").unlink()
    workspace.write(meeting(20))
    repro(2)
    assert (workspace.root / "out" / "right").read_text() == "right\n"


def test_only_what_changed_runs(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _diamond(workspace)
    repro(2)
    assert _started(capsys) == ["top", "slow", "quick", "bottom"]

    repro(2)
    assert _started(capsys) == []

    (workspace.root / "out" / "quick").write_text("spoilt")
    repro(2)
    assert _started(capsys) == ["quick"], "its output is what it was, so nothing below it runs"


def test_targets(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _diamond(workspace)
    repro(2, ("quick",))
    assert _started(capsys) == ["top", "quick"]


def test_first_failure_is_told_while_others_end(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write(
        {
            "bad": stage("echo the reason >&2; touch failing; exit 3", "bad"),
            "good": stage(
                "timeout 10 sh -c 'until test -e failing; do sleep 0.02; done' && sleep 1 && echo good", "good"
            ),
            "after": stage("cat out/bad out/good", "after", "bad", "good"),
            "late": stage("echo late", "late"),
        }
    )
    with pytest.raises(UserError, match=r"bad failed.*bad\.log"):
        repro(2)
    told = capsys.readouterr()
    assert told.out.index("failed    bad") < told.out.index("done      good")
    assert "the reason" in told.err
    assert "started   late" not in told.out
    assert "good" in workspace.lock()

    workspace.write({"bad": stage("echo mended", "bad"), "good": stage("echo good", "good")})
    repro(2)


def test_logs_keep_what_a_stage_prints_and_python_is_ours(workspace: Workspace) -> None:
    workspace.write({"who": stage("echo words >&2; python -c 'import sys; print(sys.executable)'", "who")})
    repro(1)
    assert "words" in workspace.log("who")
    assert Path((workspace.root / "out" / "who").read_text().strip()).parent == Path(sys.executable).parent


def test_urgent_first(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    workspace.write(
        {
            "lone": stage("echo 1", "lone"),
            "first": stage("echo 1", "first"),
            "second": stage("cat out/first", "second", "first"),
        }
    )
    repro(1)
    assert _started(capsys)[0] == "first", "a chain hangs on it"


@pytest.mark.parametrize(
    ("content", "message"),
    [("stages: [", "DVC cannot read"), ("stages: {a: {cmd: ls, deps: out}}", "DVC cannot read"), (None, "dvc.yaml")],
)
def test_unreadable_pipeline(workspace: Workspace, content: str | None, message: str) -> None:
    if content is not None:
        (workspace.root / "dvc.yaml").write_text(content)
    with pytest.raises(UserError, match=message):
        repro(2)


def test_mistakes_of_the_call(workspace: Workspace) -> None:
    _diamond(workspace)
    with pytest.raises(UserError, match="-j 0"):
        repro(0)
    with pytest.raises(UserError, match="nowhere"):
        repro(1, ("nowhere",))


@pytest.mark.parametrize(
    ("threads", "expected"), [("1", 6), ("2", 3), ("4", 1), ("9", 1), ("0", 6), ("many", 1), ("", 1)]
)
def test_default_jobs_fit_the_cores(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, threads: str, expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)), raising=False)
    (workspace.root / "params.yaml").write_text(f"compute: {{threads: {threads}}}\n")
    assert default_jobs() == expected


def test_default_jobs_without_settings(workspace: Workspace) -> None:
    assert default_jobs() == 1
