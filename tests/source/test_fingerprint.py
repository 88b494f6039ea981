"""A fingerprint changes if and only if executed code changes."""

from pathlib import Path
from textwrap import dedent

import pytest

from ganpipe.source.fingerprint import closure, fingerprint
from ganpipe.source.index import Index

FILES = {
    "__init__.py": "",
    "loop.py": """
        from pkg import losses
        from pkg.helpers import halve as half
        import numpy

        STEPS = 3

        def train(loss):
            for _ in range(STEPS):
                half(loss)
            return numpy.zeros(1)
    """,
    "helpers.py": """
        LIMIT = 2

        def halve(value: "losses.Anything") -> float:
            return value / LIMIT

        def unused():
            return 0
    """,
    "losses.py": """
        def square(x):
            return _power(x, 2)

        def cube(x):
            return _power(x, 3)

        def _power(x, n):
            return x ** n
    """,
    "nets/__init__.py": "",
    "nets/base.py": """
        class Base:
            def run(self):
                return 1
    """,
    "nets/small.py": """
        from .base import Base

        class Net(Base):
            def forward(self, x):
                from pkg.helpers import halve
                return halve(x)
    """,
}
ROOTS = ["loop.train", "losses.square", "nets.small.Net"]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "pkg"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return folder


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


def test_closure_contains_used_definitions_only(package: Path) -> None:
    names = {f"{module}:{name}" for module, name in closure(Index(package), ROOTS) if name}
    assert names == {
        "pkg.loop:train",
        "pkg.loop:STEPS",
        "pkg.helpers:halve",
        "pkg.helpers:LIMIT",
        "pkg.losses:square",
        "pkg.losses:_power",
        "pkg.nets.small:Net",
        "pkg.nets.base:Base",
    }


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("loop.py", "STEPS = 3", "STEPS = 3  # a comment"),
        ("loop.py", "def train(loss):", 'def train(loss):\n    """Words."""'),
        ("loop.py", "STEPS = 3", '"""A module docstring."""\nSTEPS = 3'),
        ("helpers.py", "-> float", '-> "int"'),
        ("helpers.py", "return 0", "return 1"),
        ("losses.py", "_power(x, 3)", "_power(x, 4)"),
        ("losses.py", "def square(x):\n", "def square(\n    x,\n):\n"),
    ],
)
def test_fingerprint_ignores_changes_to_code_that_is_not_executed(package: Path, file: str, old: str, new: str) -> None:
    before = fingerprint(Index(package), ROOTS)
    edit(package, file, old, new)
    assert fingerprint(Index(package), ROOTS) == before


def test_fingerprint_ignores_a_new_file(package: Path) -> None:
    before = fingerprint(Index(package), ROOTS)
    (package / "nets" / "large.py").write_text("class Net: pass\n")
    assert fingerprint(Index(package), ROOTS) == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("loop.py", "STEPS = 3", "STEPS = 4"),
        ("helpers.py", "LIMIT = 2", "LIMIT = 2.0"),
        ("losses.py", "x ** n", "x * n"),
        ("losses.py", "_power(x, 2)", "_power(x, 5)"),
        ("nets/base.py", "return 1", "return 2"),
        ("helpers.py", "LIMIT = 2", "LIMIT = 2\nprint(LIMIT)"),
        ("__init__.py", "", "print()"),
        ("nets/__init__.py", "", "from pkg.helpers import unused\nunused()"),
    ],
)
def test_fingerprint_changes_with_executed_code(package: Path, file: str, old: str, new: str) -> None:
    before = fingerprint(Index(package), ROOTS)
    edit(package, file, old, new)
    assert fingerprint(Index(package), ROOTS) != before


def test_module_passed_as_an_object_counts_as_a_whole(package: Path) -> None:
    edit(package, "loop.py", "half(loss)", "half(losses)")
    before = fingerprint(Index(package), ROOTS)
    edit(package, "losses.py", "_power(x, 3)", "_power(x, 4)")
    assert fingerprint(Index(package), ROOTS) != before


def test_unknown_root_raises_key_error_with_its_name(package: Path) -> None:
    with pytest.raises(KeyError, match=r"losses\.sqare"):
        fingerprint(Index(package), ["losses.sqare"])
