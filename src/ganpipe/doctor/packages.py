"""The installed packages against the lock file."""

import platform
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from ganpipe.doctor.finding import Finding

_SHOWN = 4
_CURE = "remove .venv and run `make repro`, which installs what is locked"


def check_packages(lock: Path, project: Path) -> Iterator[Finding]:
    """Python, and every package that the lock pins for this machine.

    A build tag, such as that of a CPU-only PyTorch, makes no other version. The packages that `project`
    (pyproject.toml) names itself must be there; the others are needed by these, or by the tests.
    """
    yield Finding("python", "ok", platform.python_version())
    pinned = {one.name: str(one.specifier).removeprefix("==") for one in _pinned(lock)}
    installed = {name: _installed(name) for name in pinned}
    missing = [name for name, found in installed.items() if found is None]
    other = [
        f"{name} {found} (locked: {pinned[name]})"
        for name, found in installed.items()
        if found is not None and Version(found).public != pinned[name]
    ]
    needed = sorted(set(missing) & _named(project))
    if needed:
        yield Finding("packages", "STOP", f"not installed: {_some(needed)}", _CURE)
    elif missing:
        yield Finding("packages", "note", f"locked but not installed: {_some(missing)}", _CURE)
    if other:
        yield Finding("packages", "note", f"other versions, so perhaps other bits: {_some(other)}", _CURE)
    if not missing and not other:
        yield Finding("packages", "ok", f"all {len(pinned)} as locked")


def _pinned(lock: Path) -> Iterator[Requirement]:
    for line in lock.read_text(encoding="utf-8").splitlines():
        if re.match(r"[a-z0-9]", line):
            requirement = Requirement(line.rstrip("\\ "))
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement


def _named(project: Path) -> set[str]:
    content = tomllib.loads(project.read_text(encoding="utf-8"))
    return {Requirement(text).name.lower() for text in content["project"]["dependencies"]}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
