import configparser
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ganpipe.common.errors import UserError
from ganpipe.search import scratch
from ganpipe.search.scratch import ScratchWorkspace


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    for name in ("src/ganpipe/module.py", "src/ganpipe/__pycache__/module.pyc", "stages/train.py", "dvc.yaml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("content")
    subprocess.run(["git", "init", "--quiet", root], check=True)
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    remote = team\n['remote \"team\"']\n    url = s3://bucket\n")
    (root / ".dvc" / "config.local").write_text("['remote \"team\"']\n    profile = own\n")
    return root


def test_the_copy_has_the_sources_and_shares_the_cache(checkout: Path) -> None:
    workspace = ScratchWorkspace(checkout / ".ganpipe" / "scratch", checkout)
    workspace.copy_sources()
    (workspace.folder / "src" / "ganpipe" / "left.py").write_text("of an earlier version")
    workspace.copy_sources()
    copied = {path.name for path in workspace.folder.rglob("*") if path.is_file()}
    assert copied == {"module.py", "train.py", "dvc.yaml", "config"}
    config = configparser.ConfigParser()
    config.read(workspace.folder / ".dvc" / "config")
    assert config["core"] == {"remote": "team", "no_scm": "true"}
    assert config["cache"]["dir"] == str(checkout / ".dvc" / "cache")
    assert config["'remote \"team\"'"] == {"url": "s3://bucket", "profile": "own"}


@pytest.mark.parametrize(("code", "error"), [(1, UserError), (-9, UserError), (130, KeyboardInterrupt), (0, None)])
def test_a_failed_or_interrupted_run_stops_the_search(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, code: int, error: type[BaseException] | None
) -> None:
    calls: list[dict[str, Any]] = []

    def run(command: list[str], **options: Any) -> "subprocess.CompletedProcess[str]":
        calls.append({"command": command, **options})
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(scratch.subprocess, "run", run)
    workspace = ScratchWorkspace(checkout / "scratch", checkout)
    if error is None:
        workspace.run({"grid": {}}, ["evaluate@a-0"], 2)
    else:
        with pytest.raises(error):
            workspace.run({"grid": {}}, ["evaluate@a-0"], 2)
    assert yaml.safe_load((workspace.folder / "params.yaml").read_text()) == {"grid": {}}
    (call,) = calls
    assert call["command"][-3:] == ["-j", "2", "evaluate@a-0"] and call["cwd"] == workspace.folder
    assert call["env"]["DVC_ROOT"] == str(checkout)
