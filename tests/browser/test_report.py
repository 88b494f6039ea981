"""The report, opened from the disk."""

from pathlib import Path

import pytest

from tests.browser.conftest import DESKTOP, PHONE, Open
from tests.browser.inspection import check_accessible, check_fits

pytestmark = pytest.mark.chain


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_report_is_accessible_and_fits(size: tuple[int, int], project: Path, open_page: Open) -> None:
    page = open_page((project / "out" / "report" / "report.html").as_uri(), size)
    pictures = page.locator("img")
    assert pictures.count() > 0
    assert pictures.evaluate_all("all => all.every(one => one.naturalWidth > 0)")
    check_accessible(page)
    check_fits(page)
