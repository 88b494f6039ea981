import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ganpipe.doctor.packages import check_environment, check_packages

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


def environment(root: Path, package: Path, interpreter: str) -> list[str]:
    programs = root / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "dvc").write_text(f"#!{interpreter}\nimport sys\n")
    return [finding.message for finding in check_environment(root, package, programs)]


def test_an_environment_of_this_checkout_is_not_mentioned(tmp_path: Path) -> None:
    assert environment(tmp_path, tmp_path / "src" / "ganpipe" / "__init__.py", sys.executable) == []


def test_an_environment_that_runs_the_code_of_another_checkout_stops(tmp_path: Path) -> None:
    (message,) = environment(tmp_path / "copy", tmp_path / "original" / "src" / "ganpipe", sys.executable)
    assert "belongs to another checkout" in message and "original" in message


def test_a_moved_environment_stops(tmp_path: Path) -> None:
    (message,) = environment(tmp_path, tmp_path / "src" / "ganpipe", str(tmp_path / "old" / "python"))
    assert "was moved" in message


def test_a_cpu_build_counts_as_the_locked_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganpipe.doctor.packages.version", lambda name: "2.14.1+cpu")
    (tmp_path / "lock").write_text("torch==2.14.1 \\\n")
    (tmp_path / "project").write_text(PROJECT)
    assert [finding.state for finding in check_packages(tmp_path / "lock", tmp_path / "project")] == ["ok", "ok"]
