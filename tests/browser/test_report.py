"""The report, opened from a file."""

from pathlib import Path

import pytest

from tests.browser.conftest import DESKTOP, PHONE, Open
from tests.browser.inspection import check_accessible, check_fits

pytestmark = pytest.mark.chain


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_report_is_accessible_and_fits_the_window(size: tuple[int, int], project: Path, open_page: Open) -> None:
    page = open_page((project / "out" / "report" / "report.html").as_uri(), size)
    images = page.locator("img")
    assert images.count() > 0
    assert images.evaluate_all("all => all.every(image => image.naturalWidth > 0)")
    check_accessible(page)
    check_fits(page)
