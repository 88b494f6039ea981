from importlib.metadata import version
from pathlib import Path

import pytest

from ganpipe.doctor.packages import check_packages

PROJECT = '[project]\ndependencies = ["Absent-Package>=1", "numpy"]\n'


@pytest.mark.parametrize(
    ("lock", "state", "message"),
    [
        (f"numpy=={version('numpy')} \\\n    --hash=sha256:0 \\\n", "ok", "all 1 in the locked versions"),
        ("numpy==0.1 \\\n", "note", f"numpy {version('numpy')} (locked: 0.1)"),
        ("absent-package==1.0 \\\n", "STOP", "not installed: absent-package"),
        ("absent-dependency==1.0 \\\n", "note", "locked but not installed: absent-dependency"),
        ("absent-package==1.0 ; sys_platform == 'nowhere' \\\n", "ok", "all 0 in the locked versions"),
    ],
)
def test_installed_packages_are_compared_with_the_lock(tmp_path: Path, lock: str, state: str, message: str) -> None:
    (tmp_path / "lock").write_text(lock)
    (tmp_path / "project").write_text(PROJECT)
    _, finding = check_packages(tmp_path / "lock", tmp_path / "project")
    assert finding.state == state
    assert message in finding.message
    assert bool(finding.fix) == (state != "ok")


def test_a_cpu_build_counts_as_the_locked_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganpipe.doctor.packages.version", lambda name: "2.14.1+cpu")
    (tmp_path / "lock").write_text("torch==2.14.1 \\\n")
    (tmp_path / "project").write_text(PROJECT)
    assert [finding.state for finding in check_packages(tmp_path / "lock", tmp_path / "project")] == ["ok", "ok"]
