"""A copy of the report that links every run to its page on the tracking server.

`out/report` depends on the files of the grid only, so that its bytes are the same everywhere; the address of a server
cannot be part of it. The copy is therefore a separate file, `.ganpipe/report-linked.html`. It is no artifact, because
MLflow shows HTML in a sandboxed frame that cannot open links.
"""

import html
import json
import re
from pathlib import Path

from ganpipe.common.atomic import write_text
from ganpipe.records.store import Record
from ganpipe.tracking.store import Store
from ganpipe.tracking.timeouts import redact

RUN_NAME = re.compile(r'(<(?:strong|th scope="row")>)([^<>]+)(?=</(?:strong|th)>)')
"""Where the report names a run: captions of samples, and its row in the table of the provenance."""


def linked_report(root: Path) -> Path:
    """Return the path of the copy."""
    return root / ".ganpipe" / "report-linked.html"


def write_linked_report(store: Store, grid: Record) -> Path | None:
    """Write the copy of a grid's report and return its path; None without a report or a tracking server.

    A run that is not on the server stays without a link. Raises TrackingError.
    """
    if not store.uri.startswith("http") or "report.html" not in grid.parts["report"].files:
        return None
    runs = json.loads(grid.path("report", "runs.json").read_text(encoding="utf-8"))
    shown = store.search(f"tags.grids LIKE '%{grid.key[:8]}%'")
    identifiers = {run.data.tags["ganpipe.key"]: run.info.run_id for run in shown}
    pages = f"{redact(store.uri).rstrip('/')}/#/experiments/{store.runs_id}/runs"
    links = {name: f"{pages}/{identifiers[key]}" for name, key in runs.items() if key in identifiers}

    def link(found: re.Match[str]) -> str:
        address = links.get(html.unescape(found[2]))
        return f'{found[1]}<a href="{html.escape(address)}">{found[2]}</a>' if address else found[0]

    page = grid.path("report", "report.html").read_text(encoding="utf-8")
    path = linked_report(store.root)
    write_text(path, RUN_NAME.sub(link, page))
    return path
