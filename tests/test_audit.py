"""The audit of locked packages fails on a vulnerability, and states when the database cannot be reached."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

SOUND = {"name": "numpy", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "local", "skip_reason": "not found"}
WEAK = {
    "name": "pillow",
    "version": "9.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["9.1"], "aliases": [], "description": ""}],
}


@pytest.mark.parametrize(
    ("packages", "code", "message"),
    [
        ([SOUND, UNKNOWN], 0, "1 of 2 packages audited, 0 known"),
        ([SOUND, WEAK], 1, "pillow 9.0: PYSEC-1, fixed in 9.1"),
        ([UNKNOWN], 0, "not audited, because the database knows none"),
    ],
)
def test_known_vulnerabilities_are_reported(packages: list[object], code: int, message: str, tmp_path: Path) -> None:
    done = audit(tmp_path, f"print({json.dumps(json.dumps({'dependencies': packages}))})")
    assert done.returncode == code
    assert message in done.stdout + done.stderr


def test_an_unreachable_database_is_stated_and_does_not_fail(tmp_path: Path) -> None:
    done = audit(tmp_path, "import sys; sys.exit('Traceback\\nrequests.exceptions.ConnectionError: no such host')")
    assert done.returncode == 0
    assert "not audited" in done.stdout and "no such host" in done.stdout


def test_any_other_failure_of_pip_audit_fails(tmp_path: Path) -> None:
    done = audit(tmp_path, "import sys; sys.exit('ERROR: the lock file has no hashes')")
    assert done.returncode == 1
    assert "the lock file has no hashes" in done.stderr


def audit(folder: Path, code: str) -> "subprocess.CompletedProcess[str]":
    """Run the script with a fake pip-audit that runs the given Python code."""
    program = folder / "pip-audit"
    program.write_text(f"#!{sys.executable}\n{code}\n")
    program.chmod(0o755)
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "scripts" / "audit.py"), "any.lock"],
        env=os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
