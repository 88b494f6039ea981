import re
import sys
from pathlib import Path

import pytest

from ganpipe.common.errors import UserError
from ganpipe.scheduling.repro import default_jobs, repro
from tests.scheduling.conftest import Workspace, stage

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dvc")

# Succeeds once the other stage has started too, and fails after a timeout.
_MEET = "touch met-{me} && timeout {timeout} sh -c 'until test -e met-{other}; do sleep 0.02; done' && echo {me}"


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


def test_the_lock_file_equals_that_of_dvc_repro(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _diamond(workspace)
    workspace.dvc("repro")
    serial = workspace.lock()
    workspace.forget()

    repro(2)

    ended = re.findall(r"^done +(\S+)", capsys.readouterr().out, flags=re.MULTILINE)
    assert ended == ["top", "quick", "slow", "bottom"], (
        "not the serial order, or else the order of entries would not be tested"
    )
    assert workspace.lock() == serial
    assert "Running stage" not in workspace.dvc("repro")
    assert workspace.lock() == serial


def test_exactly_the_requested_number_of_stages_runs_at_once(workspace: Workspace) -> None:
    def meeting(timeout: int) -> dict[str, dict[str, object]]:
        sides = (("left", "right"), ("right", "left"))
        return {me: stage(_MEET.format(me=me, other=other, timeout=timeout), me) for me, other in sides}

    workspace.write(meeting(1))
    with pytest.raises(UserError, match="left failed"):
        repro(1)
    (workspace.root / "met-left").unlink()
    workspace.write(meeting(20))
    repro(2)
    assert (workspace.root / "out" / "right").read_text() == "right\n"


def test_only_changed_stages_run(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _diamond(workspace)
    repro(2)
    assert _started(capsys) == ["top", "slow", "quick", "bottom"]

    repro(2)
    assert _started(capsys) == []

    (workspace.root / "out" / "quick").write_text("damaged")
    repro(2)
    assert _started(capsys) == ["quick"], "its output is unchanged, so its dependents do not run"


def test_targets_limit_the_stages_that_run(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    _diamond(workspace)
    repro(2, ("quick",))
    assert _started(capsys) == ["top", "quick"]


def test_after_a_failure_running_stages_finish_and_no_other_starts(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
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
    output = capsys.readouterr()
    assert output.out.index("failed    bad") < output.out.index("done      good")
    assert "the reason" in output.err
    assert "started   late" not in output.out
    assert "good" in workspace.lock()

    workspace.write({"bad": stage("echo fixed", "bad"), "good": stage("echo good", "good")})
    repro(2)


def test_logs_contain_the_output_of_a_stage_which_runs_this_python(workspace: Workspace) -> None:
    workspace.write({"who": stage("echo words >&2; python -c 'import sys; print(sys.executable)'", "who")})
    repro(1)
    assert "words" in workspace.log("who")
    assert Path((workspace.root / "out" / "who").read_text().strip()).parent == Path(sys.executable).parent


def test_stages_with_the_longest_chain_of_dependents_run_first(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace.write(
        {
            "lone": stage("echo 1", "lone"),
            "first": stage("echo 1", "first"),
            "second": stage("cat out/first", "second", "first"),
        }
    )
    repro(1)
    assert _started(capsys)[0] == "first", "another stage depends on it"


@pytest.mark.parametrize(
    ("content", "message"),
    [("stages: [", "DVC cannot read"), ("stages: {a: {cmd: ls, deps: out}}", "DVC cannot read"), (None, "dvc.yaml")],
)
def test_an_unreadable_pipeline_is_a_user_error(workspace: Workspace, content: str | None, message: str) -> None:
    if content is not None:
        (workspace.root / "dvc.yaml").write_text(content)
    with pytest.raises(UserError, match=message):
        repro(2)


def test_invalid_arguments_are_user_errors(workspace: Workspace) -> None:
    _diamond(workspace)
    with pytest.raises(UserError, match="-j 0"):
        repro(0)
    with pytest.raises(UserError, match="nowhere"):
        repro(1, ("nowhere",))


@pytest.fixture
def gpus(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the driver lists the GPUs of the machine, empty at first; the machine has six cores."""
    folder = workspace.root / "gpus"
    folder.mkdir()
    monkeypatch.setattr("ganpipe.scheduling.repro._GPUS", ((folder, "*"),))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(6)), raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return folder


@pytest.mark.parametrize(
    ("compute", "expected"),
    [
        ("{threads: 1}", 6), ("{threads: 2}", 3), ("{threads: 4}", 1), ("{threads: 9}", 1), ("{}", 6),
        ("{processes: 2}", 3), ("{threads: 2, processes: 3}", 1),
        ("{threads: 0}", 1), ("{threads: many}", 1), ("[]", 1), ("", 1),
    ],
)  # fmt: skip
def test_default_jobs_fit_the_cores(workspace: Workspace, gpus: Path, compute: str, expected: int) -> None:
    (workspace.root / "params.yaml").write_text(f"compute: {compute}\n")
    assert default_jobs() == expected


@pytest.mark.parametrize(
    ("device", "visible", "expected"),
    [("auto", None, 1), ("cuda", None, 1), ("cuda", "0", 1), ("cpu", None, 6), ("auto", "", 6), ("auto", "-1", 6)],
)
def test_trainings_on_the_gpu_run_one_at_a_time(
    workspace: Workspace,
    gpus: Path,
    monkeypatch: pytest.MonkeyPatch,
    device: str,
    visible: str | None,
    expected: int,
) -> None:
    (gpus / "nvidia0").touch()
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    (workspace.root / "params.yaml").write_text(f"compute: {{device: {device}}}\n")
    assert default_jobs() == expected


def test_trainings_on_an_apple_gpu_run_one_at_a_time(workspace: Workspace, gpus: Path) -> None:
    (workspace.root / "params.yaml").write_text("compute: {device: mps}\n")
    assert default_jobs() == 1


def test_default_jobs_is_1_without_settings(workspace: Workspace) -> None:
    (workspace.root / "params.yaml").unlink()
    assert default_jobs() == 1
