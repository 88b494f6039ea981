"""Comparison of the installed packages with the lock file."""

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
_FIX = "remove .venv and run `make repro`, which installs the locked versions"


def check_environment(root: Path, package: Path, programs: Path) -> Iterator[Finding]:
    """Check that the environment belongs to this checkout; it contains absolute paths and cannot be moved.

    package: folder of the imported code. programs: the environment's folder of programs such as `dvc`.
    """
    program = programs / "dvc"
    interpreter = program.read_bytes().splitlines()[0].removeprefix(b"#!").decode() if program.exists() else ""
    if not package.resolve().is_relative_to(root.resolve()):
        message = f"the environment belongs to another checkout: it runs the code in {package}"
        yield Finding("environment", "STOP", message, _FIX)
    elif interpreter.startswith("/") and not Path(interpreter.split()[0]).exists():
        message = f"the environment was moved: its programs start {interpreter}, which does not exist"
        yield Finding("environment", "STOP", message, _FIX)


def check_packages(lock: Path, project: Path) -> Iterator[Finding]:
    """Check Python and every package that the lock file pins for this machine.

    A build tag, such as that of a CPU-only PyTorch, does not count as another version. The direct dependencies in
    `project` (pyproject.toml) must be installed; the other packages are their dependencies, or needed by the tests.
    """
    yield Finding("python", "ok", platform.python_version())
    pinned = {pin.name: str(pin.specifier).removeprefix("==") for pin in _pinned(lock)}
    installed = {name: _installed_version(name) for name in pinned}
    missing = [name for name, found in installed.items() if found is None]
    other = [
        f"{name} {found} (locked: {pinned[name]})"
        for name, found in installed.items()
        if found is not None and Version(found).public != pinned[name]
    ]
    needed = sorted(set(missing) & _direct_dependencies(project))
    if needed:
        yield Finding("packages", "STOP", f"not installed: {_some(needed)}", _FIX)
    elif missing:
        yield Finding("packages", "note", f"locked but not installed: {_some(missing)}", _FIX)
    if other:
        yield Finding("packages", "note", f"not the locked versions, so results may differ: {_some(other)}", _FIX)
    if not missing and not other:
        yield Finding("packages", "ok", f"all {len(pinned)} in the locked versions")


def _pinned(lock: Path) -> Iterator[Requirement]:
    for line in lock.read_text(encoding="utf-8").splitlines():
        if re.match(r"[a-z0-9]", line):
            requirement = Requirement(line.rstrip("\\ "))
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement


def _direct_dependencies(project: Path) -> set[str]:
    content = tomllib.loads(project.read_text(encoding="utf-8"))
    return {Requirement(text).name.lower() for text in content["project"]["dependencies"]}


def _installed_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
