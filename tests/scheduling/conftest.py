"""A small pipeline of shell commands in its own Git repository, run by the real DVC."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml


@dataclass(frozen=True)
class Workspace:
    """A repository with a dvc.yaml."""

    root: Path

    def write(self, stages: dict[str, dict[str, Any]]) -> None:
        (self.root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}, sort_keys=False))

    def dvc(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "dvc", *arguments]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout

    def forget(self) -> None:
        """Remove outputs, cache and dvc.lock, as in a fresh clone."""
        subprocess.run(["rm", "-rf", "out", "dvc.lock", ".dvc/cache", ".dvc/tmp"], cwd=self.root, check=True)

    def lock(self) -> str:
        return (self.root / "dvc.lock").read_text()

    def log(self, stage: str) -> str:
        return (self.root / ".ganpipe" / "logs" / f"{stage}.log").read_text()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    root = tmp_path / "repository"
    (root / ".dvc").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    (root / ".dvc" / "config").write_text(
        f"[core]\n    analytics = false\n    site_cache_dir = {tmp_path / 'site'}\n", encoding="utf-8"
    )
    (root / "params.yaml").touch()  # marks a checkout
    monkeypatch.chdir(root)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return Workspace(root)


def stage(command: str, out: str, *dependencies: str) -> dict[str, Any]:
    """Return a stage that writes out/<out>; dependencies are names in out/ or other paths."""
    deps = [name if "/" in name or "." in name else f"out/{name}" for name in dependencies]
    return {"cmd": f"mkdir -p out && {command} > out/{out}", "deps": deps, "outs": [f"out/{out}"]}
