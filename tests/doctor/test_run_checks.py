from pathlib import Path

import pytest

from ganpipe.__main__ import main
from ganpipe.doctor.finding import Finding
from ganpipe.doctor.run_checks import Examination

FINE = Finding("git", "ok", "everything is committed")
MINOR = Finding("dvc", "note", "not up to date: train", "make repro")
GRAVE = Finding("disk", "STOP", "full", "make room")


def test_the_table_has_a_cure_under_each_problem() -> None:
    lines = str(Examination((FINE, GRAVE))).splitlines()
    assert [line.split()[0] for line in lines] == ["what", "----", "git", "disk", "->"]
    assert lines[-1].endswith("-> make room")


@pytest.mark.parametrize(("findings", "code"), [((FINE, MINOR), 0), ((FINE, MINOR, GRAVE), 1)])
def test_only_what_stops_the_pipeline_fails(
    findings: tuple[Finding, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ganpipe.doctor.run_checks.examine", lambda: Examination(findings))
    assert main(["doctor"]) == code
    assert "everything is committed" in capsys.readouterr().out


def test_elsewhere_the_folder_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == 1
    assert "run this from the folder that holds it" in capsys.readouterr().err
