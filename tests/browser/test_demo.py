"""The demo page in a browser."""

import io
import re
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import CONDITIONAL, DESKTOP, PHONE, UNCONDITIONAL, Open
from tests.browser.inspection import check_accessible, check_fits

pytestmark = pytest.mark.chain
IMAGES = ".sheet img:visible"
TIMEOUT_MS = 120_000


def open_demo(open_page: Open, demo: str, *arguments: Any) -> Any:
    """Open the page and wait for its first images."""
    page = open_page(demo, *arguments)
    page.wait_for_selector(IMAGES, timeout=TIMEOUT_MS)
    return page


def choose(page: Any, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).locator("visible=true").click()
    page.get_by_role("option", name=option, exact=True).locator("visible=true").click()


def press(page: Any, name: str) -> None:
    """Press a button and wait for its result."""
    page.evaluate("document.querySelectorAll('.sheet, .error-message').forEach(element => element.remove())")
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_selector(".sheet:visible, .error-message:visible", timeout=TIMEOUT_MS)


def test_conditional_run_generates_sixteen_sevens(open_page: Open, demo: str) -> None:
    page = open_demo(open_page, demo)
    choose(page, "Run", CONDITIONAL)
    choose(page, "Class", "7")
    press(page, "Generate")
    alts = [image.get_attribute("alt") for image in page.locator(IMAGES).all()]
    assert len(alts) == 16
    assert sum(alt.endswith("predicted class 7") for alt in alts) >= 12
    text = page.locator(".sheet:visible").inner_text()
    for word in (
        "sharpness",
        "contrast",
        "diversity",
        "Classes predicted by the judge",
        "predicted as the requested class",
    ):
        assert word in text


def test_images_can_be_downloaded(open_page: Open, demo: str) -> None:
    page = open_demo(open_page, demo)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all 16 images as PNG").click()
    assert download.value.suggested_filename == f"{CONDITIONAL}.png"
    image = Image.open(io.BytesIO(download.value.path().read_bytes()))
    assert image.size == (3 * (4 * 30 + 2), 3 * (4 * 30 + 2))


def test_conditional_interpolation_needs_a_class(open_page: Open, demo: str) -> None:
    page = open_demo(open_page, demo)
    page.get_by_role("tab", name="Interpolate").click()
    press(page, "Interpolate")
    assert "Choose a class" in page.get_by_role("alert").locator("visible=true").inner_text()
    choose(page, "Class", "7")
    press(page, "Interpolate")
    assert page.locator(IMAGES).count() == 8


def test_two_runs_are_shown_side_by_side(open_page: Open, demo: str) -> None:
    page = open_demo(open_page, demo)
    page.get_by_role("tab", name="Compare").click()
    choose(page, "Second run", UNCONDITIONAL)
    press(page, "Compare")
    assert page.locator(IMAGES).count() == 32
    first, second = (
        page.get_by_role("region", name=f"Images of {run}").bounding_box() for run in (CONDITIONAL, UNCONDITIONAL)
    )
    assert first["y"] == second["y"] and first["x"] + first["width"] <= second["x"]


def test_page_works_with_the_keyboard_alone(open_page: Open, demo: str) -> None:
    page = open_demo(open_page, demo)
    page.get_by_label("Seed", exact=True).locator("visible=true").fill("5")
    before = page.locator(IMAGES).first.get_attribute("src")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Generate":
            break
    page.keyboard.press("Enter")
    page.wait_for_function(
        "before => document.querySelector('.sheet img')?.src !== before", arg=before, timeout=TIMEOUT_MS
    )


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_every_tab_is_accessible_and_fits_the_window(
    size: tuple[int, int], scheme: str, open_page: Open, demo: str
) -> None:
    page = open_demo(open_page, demo, size, scheme)
    for tab, button in (("Sample", "Generate"), ("Interpolate", "Interpolate"), ("Compare", "Compare")):
        page.get_by_role("tab", name=tab).click()
        choose(page, "Class", "7")
        press(page, button)
        check_accessible(page)
        check_fits(page)


def test_empty_seed_is_reported(open_page: Open, demo: str) -> None:
    page = open_demo(open_page, demo)
    page.get_by_label("Seed", exact=True).locator("visible=true").fill("")
    press(page, "Generate")
    assert "seed: empty" in page.get_by_role("alert").locator("visible=true").inner_text()


def test_count_above_the_limit_is_clamped(open_page: Open, demo: str) -> None:
    page = open_demo(open_page, demo)
    number = page.get_by_label(re.compile("number input for Number of images")).locator("visible=true")
    number.fill("100000")
    number.press("Tab")
    press(page, "Generate")
    assert page.locator(IMAGES).count() <= 64
