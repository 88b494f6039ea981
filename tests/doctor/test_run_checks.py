from pathlib import Path

import pytest
import yaml

from ganpipe.__main__ import main
from ganpipe.doctor import run_checks
from ganpipe.doctor.finding import Finding
from ganpipe.doctor.run_checks import DoctorReport
from tests.conftest import REPOSITORY
from tests.plan.conftest import Edit, put

GOOD = Finding("git", "ok", "everything is committed")
MINOR = Finding("dvc", "note", "not up to date: train", "make repro")
SEVERE = Finding("disk", "STOP", "full", "make room")


def test_the_table_has_a_fix_below_each_problem() -> None:
    lines = str(DoctorReport((GOOD, SEVERE))).splitlines()
    assert [line.split()[0] for line in lines] == ["check", "-----", "git", "disk", "->"]
    assert lines[-1].endswith("-> make room")


@pytest.mark.parametrize(("findings", "code"), [((GOOD, MINOR), 0), ((GOOD, MINOR, SEVERE), 1)])
def test_only_stop_findings_make_the_command_fail(
    findings: tuple[Finding, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ganpipe.doctor.run_checks.run_checks", lambda: DoctorReport(findings))
    assert main(["doctor"]) == code
    assert "everything is committed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([put("sample/count", 64)], "sample.count = 64: select.metric = fd_judge needs at least 129. Raise it"),
        ([put("select/metric", "fid")], "select.metric = 'fid': needs the standard Inception weights"),
        ([put("evaluate/inception", "~/nowhere")], "evaluate.inception = '~/nowhere': "),
        (
            [put("grid/seeds", [0, 0]), put("sample/count", 64)],
            "grid.seeds = 0: listed 2 times. List it once. (1 more)",
        ),
    ],
    ids=["too few samples", "no weights", "missing weights", "two problems"],
)
def test_the_first_problem_of_the_settings_is_shown(
    edits: list[Edit], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = yaml.safe_load((REPOSITORY / "params.yaml").read_text(encoding="utf-8"))
    for edit in edits:
        edit(params)
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    Path("data").symlink_to(REPOSITORY / "data")
    finding = run_checks._check_settings()
    assert finding.state == "STOP" and "\n" not in finding.message
    assert message in finding.message
    assert "`ganpipe plan`" in finding.fix


def test_outside_of_a_checkout_the_command_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 1
    assert "Run this command in the folder that contains it" in capsys.readouterr().err
