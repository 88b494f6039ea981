"""Arguments that the team server rejects."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY


def test_missing_secrets_are_listed(tmp_path: Path) -> None:
    known = {name: text for name, text in os.environ.items() if not name.startswith(("PG", "AWS_"))}
    known |= {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "", "PYTHONPATH": str(REPOSITORY / "src")}
    script = REPOSITORY / "scripts" / "team" / "serve.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "folder")], env=known, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: environment: PGPASSWORD, AWS_SECRET_ACCESS_KEY not set")
    assert not (tmp_path / "folder").exists()
