"""Reports of synthetic grids and a parser that checks their HTML."""

from html.parser import HTMLParser
from pathlib import Path

import ganpipe.report.report as report_module
from ganpipe.config import SelectSettings
from ganpipe.report.report import report
from tests.output_tree import Tree

TEMPLATES = Path(report_module.__file__).parent / "templates"
SELECT = SelectSettings(metric="fd_judge")


class Page(HTMLParser):
    """The tags of a page; asserts that every tag is closed in order."""

    VOID = ("meta", "link", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(tree: Tree) -> tuple[str, Page]:
    report(tree.out, SELECT)
    text = (tree.out / "report" / "report.html").read_text()
    return text, Page(text)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def grid(tree: Tree) -> None:
    tree.run("e02-dcgan", 21.4, lr=0.001, title="DCGAN, faster")
    tree.run("e01-lsgan", 44.5, loss="least_squares", labelled=False)
    tree.run("mlp", None, status="diverged", reason="loss_d became infinite at step 57")
