"""docs/licences.md lists every locked package and every dataset with its licence."""

import re
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "licences.md").read_text(encoding="utf-8")
LOCKS = [REPOSITORY / "requirements.lock", *sorted((REPOSITORY / "locks").glob("*.lock"))]
PIN = re.compile(r"^([a-z0-9._-]+)(?:\[.*\])?==([^ ;\\]+)", re.MULTILINE)
ROW = re.compile(r"^\| (\S+) \| (\S+) \| (.*) \|$", re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_is_listed(lock: Path) -> None:
    pins = PIN.findall(lock.read_text(encoding="utf-8"))
    listed = {(name, version) for name, version, _ in ROW.findall(PAGE)}
    assert pins
    assert not [pin for pin in pins if pin not in listed and " ".join(pin) not in PAGE], "run `make licences`"


def test_every_licence_is_known() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) > 100
    assert [name for name, _, licence in rows if licence.strip().upper() in ("", "UNKNOWN")] == []


def test_every_dataset_is_listed() -> None:
    for path in (REPOSITORY / "data").glob("*.yaml"):
        assert f"| {path.stem} | {yaml.safe_load(path.read_text(encoding='utf-8'))['licence']} |" in PAGE
