"""The copy of the report with links to the runs on a tracking server."""

import re
from html.parser import HTMLParser

import pytest

from ganpipe.records.store import load
from ganpipe.tracking.linked_report import linked_report
from ganpipe.tracking.sync import sync
from tests.tracking.conftest import Checkout
from tests.tracking.servers import mlflow_server


class Links(HTMLParser):
    """Collects the text and the address of every link."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._address = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._address = dict(attributes)["href"] or ""

    def handle_data(self, text: str) -> None:
        if self._address:
            self.found.append((text, self._address))
            self._address = ""


RUNS = ("e01-0", "e02-0")
PAGE = """<h1>Report</h1><p>e01-0 in a sentence</p>
<figcaption><strong>e01-0</strong><br>rank 1</figcaption><figcaption><strong>Real</strong></figcaption>
<tr><th scope="row">e01-0</th></tr><tr><th scope="row">e02-0</th></tr><tr><th scope="row">unknown-0</th></tr>"""


@pytest.fixture
def grid(checkout: Checkout) -> str:
    """The key of a grid of two runs with a report."""
    for run in RUNS:
        checkout.train(run)
    return checkout.report(*RUNS, page=PAGE)


def test_every_run_links_to_its_page_and_the_report_itself_is_unchanged(
    checkout: Checkout, grid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    with mlflow_server(checkout, monkeypatch) as server:
        sync(checkout.root, report=lines.append)
        first = linked_report(checkout.root).read_bytes()
        assert sync(checkout.root, report=lambda line: None).shown == []
    assert lines[-1] == f"The latest report with links to its runs: {linked_report(checkout.root)}"
    runs = checkout.runs()
    pages = f"http://127.0.0.1:{server.port}/#/experiments/{runs['key-e01-0'].info.experiment_id}/runs"
    address = {run: f"{pages}/{runs[f'key-{run}'].info.run_id}" for run in RUNS}
    assert Links(first.decode()).found == [(run, address[run]) for run in ("e01-0", "e01-0", "e02-0")]
    assert re.sub(r"</?a\b[^>]*>", "", first.decode()) == PAGE
    assert linked_report(checkout.root).read_bytes() == first
    assert (checkout.root / "out" / "report" / "report.html").read_text() == PAGE
    assert load(checkout.root, grid).path("report", "report.html").read_text() == PAGE
    assert "hunter2" not in first.decode()


def test_without_a_tracking_server_there_is_no_copy(checkout: Checkout, grid: str) -> None:
    checkout.sync()
    assert not linked_report(checkout.root).exists()
