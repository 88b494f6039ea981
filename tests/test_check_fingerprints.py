"""The check for code that fingerprints cannot follow."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "check_fingerprints.py"
OTHER = "class Thing: ...\n\n\nLIMIT = 1\n\n\ndef double(x):\n    return 2 * x\n"


def check(*arguments: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


def problems(tmp_path: Path, source: str) -> list[str]:
    """What the check prints about a package with one file of this source, without the path of the folder."""
    package = tmp_path / "pkg"
    package.mkdir()
    for file, text in {"__init__.py": "", "other.py": OTHER, "module.py": dedent(source)}.items():
        (package / file).write_text(text)
    done = check(package)
    lines = done.stdout.splitlines()
    assert done.returncode == bool(lines != ["fingerprints can follow all code"])
    return [line.removeprefix(f"{package}/") for line in lines if done.returncode]


def test_the_package_can_be_followed() -> None:
    done = check()
    assert (done.returncode, done.stdout) == (0, "fingerprints can follow all code\n"), done.stdout


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("from pkg.other import *", "module.py:1: star import"),
        ("try:\n    import pkg.other\nexcept ImportError:\n    pass", "module.py:2: conditional import"),
        ("import os\nif os.name == 'nt':\n    from pkg.other import double", "module.py:3: conditional import"),
        ("import os\nif os.name == 'nt':\n    def double(x): return x", "module.py:3: conditional definition"),
        ("from pkg.other import double\ndouble = print", "module.py:2: double is bound twice"),
        ("from pkg.other import double\ndef double(x): return x", "module.py:2: double is bound twice"),
        ("from pkg.other import double\nfrom math import sqrt as double", "module.py:2: double is bound twice"),
        ("LIMIT = 1\nLIMIT += 1", "module.py:2: LIMIT is bound twice"),
        ("LIMIT = 1\ndef f():\n    global LIMIT\n    LIMIT = 2", "module.py:3: global LIMIT rebinds"),
        ("from pkg import other\nother.LIMIT = 2", "module.py:2: other.LIMIT is rebound from outside"),
        ("from pkg import other\nsetattr(other, 'LIMIT', 2)", "module.py:2: setattr(other, 'LIMIT', 2) rebinds"),
        ("from pkg.other import triple", "module.py:1: pkg.other.triple is not defined at the top level of pkg.other"),
        ("from functools import singledispatch", ""),
        ("import functools\n@functools.singledispatch\ndef f(x): ...", "module.py:2: singledispatch reads annotations"),
        ("from typing import get_type_hints\nget_type_hints(print)", "module.py:2: get_type_hints reads annotations"),
        ("class A:\n    x: 'other.Thing'", "module.py:2: quoted annotation of a field"),
        ("from importlib import import_module\nimport_module('math')", "module.py:2: import_module() finds code"),
        ("import importlib\ndef f(x):\n    importlib.import_module(x)", "module.py:3: import_module() finds code"),
        ("__import__('math')", "module.py:1: __import__() finds code"),
        ("from pkg import other\ndef f(x):\n    getattr(other, x)", "module.py:3: getattr(other, x) finds code"),
        ("globals()['f']()", "module.py:1: globals() finds code"),
        ("class A: ...\nA.__subclasses__()", "module.py:2: __subclasses__() finds classes"),
        ("COMMAND = ['python', '-m', 'pkg.other']", "module.py:1: 'pkg.other' names a module as text"),
        ("def f(x):\n    return f'pkg.other.{x}'", "module.py:2: 'pkg.other.' names a module as text"),
    ],
)
def test_unfollowable_code_is_reported_with_its_line(source: str, problem: str, tmp_path: Path) -> None:
    found = problems(tmp_path, source)
    assert len(found) == bool(problem), found
    assert not problem or found[0].startswith(problem)


def test_followable_code_is_accepted(tmp_path: Path) -> None:
    source = """
        '''pkg.other does the work.'''

        import os
        from typing import TYPE_CHECKING, Annotated, Literal

        from pkg import other
        from pkg.other import LIMIT, double

        if TYPE_CHECKING:
            from pkg.other import Thing

        TABLE = {name: double for name in ("a", "b")}
        OTHERS = [name for name in TABLE]

        class Settings:
            mode: Literal["a", "b"] = "a"
            size: Annotated[int, range(1, len("pkg"))] = LIMIT

            def read(self, name: str) -> "Thing":
                from pkg import other as again
                return getattr(self, name), again.double, other.LIMIT, os.name

        def evaluate(network):
            network.training = False
            return network.eval()

        if __name__ == "__main__":
            evaluate(TABLE)
    """
    assert problems(tmp_path, source) == []


def test_declaration_without_a_lookup_is_reported(tmp_path: Path) -> None:
    """A reason for something that is no longer there would hide the next lookup in that module."""
    program = f"""
import runpy
check = runpy.run_path({str(SCRIPT)!r})["check"]
from pathlib import Path
print(*check(Path({str(tmp_path / "pkg")!r}), {{"other": "a reason"}}), sep="\\n")
"""
    problems(tmp_path, "")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "other has no dynamic lookup. Remove it from DYNAMIC_LOOKUPS." in done.stdout
