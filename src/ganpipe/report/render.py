"""Render the sections of the report as one HTML file and as a Markdown file with its figures."""

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


def html(sections: Sequence[DatasetSection], select: SelectSettings) -> str:
    """Return the HTML page; it loads nothing from elsewhere, and all text from files is escaped."""
    environment = _environment(autoescape=True)
    environment.filters["data_uri"] = _data_uri
    return environment.get_template("report.html.j2").render(
        sections=sections,
        select=select,
        colours=style.COLOURS,
        packages=_packages(sections),
        points=POINTS,
        smoothing=SMOOTHING,
    )


def markdown(sections: Sequence[DatasetSection], select: SelectSettings, folder: Path) -> str:
    """Return the short page for pull requests; image links are relative to `folder`, which will hold the page."""
    environment = _environment(autoescape=False)
    environment.finalize = lambda value: value if isinstance(value, Markup) else _escape_markdown(str(value))
    environment.filters["link"] = lambda path: Markup(path.relative_to(folder).as_posix())  # noqa: S704  # names checked by the planner
    return environment.get_template("report.md.j2").render(sections=sections, select=select)


def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader("ganpipe.report"),
        autoescape=autoescape,  # noqa: S701  # the Markdown page has its own escaping
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=formatting.number, percent=formatting.percent, count=formatting.count)
    return environment


def _data_uri(path: Path) -> str:
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def _escape_markdown(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _packages(sections: Sequence[DatasetSection]) -> dict[str, Any]:
    """Return package -> version, as recorded with the runs."""
    return {
        name: version
        for section in sections
        for run in section.runs
        for name, version in sorted(run.plan.get("packages", {}).items())
    }
