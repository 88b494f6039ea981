"""The way of a user through MLflow's page, from a plain `mlflow ui` in the checkout and without any link of ours."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ganpipe.tracking.curves import Point
from ganpipe.tracking.experiments import RUNS
from ganpipe.tracking.push import log, open_run
from ganpipe.tracking.store import open_store
from ganpipe.tracking.timeouts import SYNC
from tests.browser.conftest import serving
from tests.tracking.conftest import STARTED, Checkout

SCORES = {"e01-0": 30.0, "e02-0": 10.0, "e03-0": 20.0}
FAILED = "e04-0"
TIMEOUT_MS = 60_000


@pytest.fixture(scope="module")
def mlflow(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `mlflow ui` on three evaluated runs and a failed one, which logged system metrics first."""
    checkout = Checkout(tmp_path_factory.mktemp("checkout"), Path())
    with pytest.MonkeyPatch.context() as environment:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_BACKEND_STORE_URI"):
            environment.delenv(name, raising=False)
        store = open_store(checkout.root, SYNC)
        for run in (*SCORES, FAILED):
            live = open_run(store, f"key-{run}", checkout.part(run))
            log(store, live.info.run_id, [Point("system/cpu_utilization_percentage", 99.0, STARTED, 0)], {})
            checkout.train(run, status="collapsed" if run == FAILED else "ok")
        for run, score in SCORES.items():
            checkout.sample(run)
            checkout.evaluate(run, value=score)
        checkout.report(*sorted(SCORES, key=lambda run: SCORES[run]), value=10.0, unranked=(FAILED,))
        checkout.sync()
        with serving(("mlflow", "ui", "--workers", "1"), checkout.root, os.environ) as address:
            yield address


@pytest.fixture
def page(chromium: Any, mlflow: str) -> Iterator[Any]:
    """MLflow's page in a new browser profile, switched to model training: it opens with menus for language models."""
    context = chromium.new_context(viewport={"width": 1500, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(mlflow)
    page.get_by_text("Model training", exact=True).click()
    yield page
    context.close()


def names(page: Any) -> list[str]:
    """Return the names of the listed runs from top to bottom."""
    rows = page.locator("[row-index]:has([data-testid=experiment-view-table-run-color])")
    listed = rows.evaluate_all(
        "all => all.map(row => [+row.getAttribute('row-index'), row.querySelector('a').innerText])"
    )
    return [name for _, name in sorted(map(tuple, listed))]


def test_from_the_list_of_experiments_to_the_images_of_two_runs(page: Any) -> None:
    page.get_by_role("link", name=RUNS.name, exact=True).click()
    page.get_by_text("4 matching runs").wait_for()
    page.get_by_test_id("sort-select-dropdown").click()
    page.get_by_test_id("sort-select-eval/fd_judge").click()
    page.get_by_text("Sort: eval/fd_judge").click()
    page.get_by_test_id("sort-select-asc").click()
    page.wait_for_url("**orderByAsc=true**")
    page.wait_for_function("document.querySelector('[row-index=\"0\"] a')?.innerText === 'e02-0'")
    assert names(page) == ["e02-0", "e03-0", "e01-0", FAILED]

    for row in (0, 1):
        page.locator(f"[row-index='{row}'] .ag-checkbox-input").click()
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_text("Comparing 2 Runs from 1 Experiment").wait_for()
    page.locator(".js-plotly-plot").get_by_text("eval/fd_judge").wait_for()
    assert "Metrics:\neval/fd_judge\nClear All" in page.get_by_text("Metrics:").locator("xpath=../..").inner_text()

    page.go_back()
    page.get_by_text("4 matching runs").wait_for()
    page.get_by_role("radio").nth(1).locator("xpath=ancestor::label").click()  # chart view
    sections = page.get_by_test_id("experiment-view-compare-runs-section-header")
    sections.first.wait_for()
    assert sections.first.inner_text().startswith("eval\n")
    page.get_by_placeholder("Search metric charts").fill("samples")
    images = page.get_by_test_id("experiment-view-compare-runs-card").locator("img")
    images.first.wait_for()
    assert images.count() == len(SCORES)
    assert images.evaluate_all("all => all.every(image => image.naturalWidth > 0)")


def test_the_page_of_a_run_opens_with_its_verdict_and_its_deciding_metric(page: Any) -> None:
    page.get_by_role("link", name=RUNS.name, exact=True).click()
    page.get_by_role("link", name="e02-0", exact=True).first.click()
    page.get_by_text("Winner: rank 1 of 3 on mnist by").wait_for()
    tops = [page.get_by_text(name, exact=True).first.bounding_box()["y"] for name in ("eval/fd_judge", "loss/loss_d")]
    assert tops == sorted(tops)


def test_the_page_of_a_failed_run_opens_with_the_reason(page: Any) -> None:
    page.get_by_role("link", name=RUNS.name, exact=True).click()
    page.get_by_role("link", name=FAILED, exact=True).first.click()
    page.get_by_text("Training collapsed: why. Not ranked: diverged.").wait_for()
