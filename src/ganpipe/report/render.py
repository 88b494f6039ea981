"""Chapters into pages: HTML in one file, and Markdown beside its figures."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ganpipe.common import formatting
from ganpipe.compare.history import POINTS, SMOOTHING
from ganpipe.config import SelectSettings
from ganpipe.report import style
from ganpipe.report.sections import DatasetSection

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")


def html(chapters: Sequence[DatasetSection], select: SelectSettings) -> str:
    """Lay out the page; it refers to nothing outside itself, and what comes from files is escaped."""
    environment = _environment(autoescape=True)
    environment.filters["data_uri"] = _data_uri
    return environment.get_template("report.html.j2").render(
        chapters=chapters,
        select=select,
        colours=style.COLOURS,
        packages=_packages(chapters),
        points=POINTS,
        smoothing=SMOOTHING,
    )


def markdown(chapters: Sequence[DatasetSection], select: SelectSettings, folder: Path) -> str:
    """Lay out the short form for pull requests; pictures are links relative to `folder`, where the page will be."""
    environment = _environment(autoescape=False)
    environment.finalize = lambda value: value if isinstance(value, Markup) else _escape_markdown(str(value))
    environment.filters["link"] = lambda path: Markup(path.relative_to(folder).as_posix())  # noqa: S704  # names the planner checked
    return environment.get_template("report.md.j2").render(chapters=chapters, select=select)


def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("ganpipe.report"),
        autoescape=autoescape,  # noqa: S701  # the Markdown page escapes by its own signs
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=formatting.number, over_seeds=formatting.with_spread, count=formatting.count)
    return environment


def _data_uri(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _escape_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _packages(chapters: Sequence[DatasetSection]) -> dict[str, Any]:
    """Versions of the packages that the runs were computed with."""
    return {
        name: version
        for chapter in chapters
        for run in chapter.runs
        for name, version in sorted(run.plan.get("packages", {}).items())
    }
