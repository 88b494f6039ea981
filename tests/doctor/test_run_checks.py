from pathlib import Path

import pytest

from ganpipe.__main__ import main
from ganpipe.doctor.finding import Finding
from ganpipe.doctor.run_checks import DoctorReport

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


def test_outside_of_a_checkout_the_command_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 1
    assert "Run this command in the folder that contains it" in capsys.readouterr().err
