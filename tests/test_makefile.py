"""The Makefile renews an environment that was installed in another folder; pre-commit runs its checks."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY

INPUTS = ("Makefile", "requirements.lock", "pyproject.toml")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose environment is newer than the files that it depends on."""
    root = (tmp_path / "a checkout").resolve()
    (root / ".venv").mkdir(parents=True)
    for name in INPUTS:
        shutil.copyfile(REPOSITORY / name, root / name)
        os.utime(root / name, (1, 1))
    stamp(root, root)
    return root


def stamp(checkout: Path, folder: Path) -> None:
    (checkout / ".venv" / "ready").write_text(f"{folder}\n", encoding="utf-8")


def planned_commands(checkout: Path) -> str:
    """What `make test` would run."""
    return subprocess.run(
        ["make", "--dry-run", "test"], cwd=checkout, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def test_an_environment_of_this_checkout_is_kept(checkout: Path) -> None:
    commands = planned_commands(checkout)
    assert "pytest" in commands
    assert "venv" not in commands.replace(".venv", "")


def test_a_moved_environment_is_installed_again_from_scratch(checkout: Path) -> None:
    moved = checkout.rename(checkout.parent / "moved")
    assert "-m venv --clear .venv" in planned_commands(moved)
    stamp(moved, moved)
    assert "-m venv" not in planned_commands(moved)


def test_an_environment_of_a_changed_lock_file_is_updated_in_place(checkout: Path) -> None:
    os.utime(checkout / "requirements.lock")
    os.utime(checkout / ".venv" / "ready", (2, 2))
    commands = planned_commands(checkout)
    assert "-m venv" in commands
    assert "--clear" not in commands


def test_the_stamp_records_the_folder(checkout: Path) -> None:
    (checkout / ".venv" / "ready").unlink()
    assert f'echo "{checkout}" > .venv/ready' in planned_commands(checkout)


def test_pre_commit_runs_the_commands_of_make_lint() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    found = re.search(r"^lint: .*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert found
    commands = [line.removeprefix("\t@$(RUN) ") for line in found.group(1).splitlines()]
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = [
        hook["entry"].replace(".venv/bin/", "") for repository in config["repos"] for hook in repository["hooks"]
    ]
    for command in commands:
        program = command.split(" requirements.lock")[0]  # pre-commit passes the names of the changed lock files
        assert any(program in entry for entry in entries), command
    assert len(commands) == len(entries)
