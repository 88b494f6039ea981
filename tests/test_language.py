"""Words of the project's former dialect stay out of code, settings and documentation."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

DIALECT = re.compile(r"(?<![a-z])(told|tells|mend|mended|mends|cure|cures|anew|whence|wherein)(?![a-z])", re.IGNORECASE)
QUOTATION = re.compile(r"“[^”]*”")
"""The source documents are quoted in their own words, in curly quotes."""
FOLDERS = ("src", "stages", "docs", "examples", "benchmarks", "scripts", "presets", "data")
FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "params.yaml", "dvc.yaml", "Makefile", "pyproject.toml")
TEXT = {".py", ".md", ".yaml", ".j2", ".css"}


def paths() -> Iterator[Path]:
    yield from (REPOSITORY / name for name in FILES)
    for folder in FOLDERS:
        yield from (path for path in sorted((REPOSITORY / folder).rglob("*")) if path.suffix in TEXT)


def dialect_lines(text: str) -> list[str]:
    without_quotations = QUOTATION.sub(lambda match: "\n" * match.group().count("\n"), text)
    lines = enumerate(without_quotations.splitlines(), 1)
    return [f"line {number}: {line.strip()}" for number, line in lines if DIALECT.search(line)]


@pytest.mark.parametrize("path", list(paths()), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_file_contains_no_dialect(path: Path) -> None:
    assert dialect_lines(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("line", ["# told what", "_CURE = 1", "The mended part", "Whence it came", "told_labels"])
def test_dialect_is_found(line: str) -> None:
    assert dialect_lines(f"first\n{line}") == [f"line 2: {line}"]


@pytest.mark.parametrize("line", ["amendment", "secure", "untold", "says: “it tells\nmuch”"])
def test_other_words_and_quotations_are_accepted(line: str) -> None:
    assert dialect_lines(line) == []
