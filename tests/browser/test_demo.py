"""The demo's page, used as a person uses it."""

import io
import re
from typing import Any

import pytest
from PIL import Image

from tests.browser.conftest import DESKTOP, PHONE, TOLD, UNTOLD, Open
from tests.browser.inspection import check_accessible, check_fits

pytestmark = pytest.mark.chain
IMAGES = ".drawing img:visible"
WAIT = 120_000


def opened(open_page: Open, demo: str, *arguments: Any) -> Any:
    """The page with the images that it draws on opening."""
    page = open_page(demo, *arguments)
    page.wait_for_selector(IMAGES, timeout=WAIT)
    return page


def choose(page: Any, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).locator("visible=true").click()
    page.get_by_role("option", name=option, exact=True).locator("visible=true").click()


def press(page: Any, name: str) -> None:
    """Press a button and wait for the answer to have come."""
    page.evaluate("document.querySelectorAll('.drawing, .trouble').forEach(one => one.remove())")
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_selector(".drawing:visible, .trouble:visible", timeout=WAIT)


def test_sixteen_sevens(open_page: Open, demo: str) -> None:
    page = opened(open_page, demo)
    choose(page, "Run", TOLD)
    choose(page, "Class", "7")
    press(page, "Draw")
    texts = [image.get_attribute("alt") for image in page.locator(IMAGES).all()]
    assert len(texts) == 16
    assert sum(text.endswith("read as 7") for text in texts) >= 12
    told = page.locator(".drawing:visible").inner_text()
    for word in ("sharpness", "contrast", "diversity", "The judge reads", "read as the class that was asked for"):
        assert word in told


def test_the_picture_can_be_kept(open_page: Open, demo: str) -> None:
    page = opened(open_page, demo)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all 16 as PNG").click()
    assert download.value.suggested_filename == f"{TOLD}.png"
    picture = Image.open(io.BytesIO(download.value.path().read_bytes()))
    assert picture.size == (3 * (4 * 30 + 2), 3 * (4 * 30 + 2))


def test_a_walk_needs_a_class_where_the_generator_is_told_one(open_page: Open, demo: str) -> None:
    page = opened(open_page, demo)
    page.get_by_role("tab", name="Walk").click()
    press(page, "Walk")
    assert "choose a class" in page.get_by_role("alert").locator("visible=true").inner_text()
    choose(page, "Class", "7")
    press(page, "Walk")
    assert page.locator(IMAGES).count() == 8


def test_two_runs_stand_side_by_side(open_page: Open, demo: str) -> None:
    page = opened(open_page, demo)
    page.get_by_role("tab", name="Compare").click()
    choose(page, "Second run", UNTOLD)
    press(page, "Compare")
    assert page.locator(IMAGES).count() == 32
    first, second = (page.get_by_role("region", name=f"Images of {run}").bounding_box() for run in (TOLD, UNTOLD))
    assert first["y"] == second["y"] and first["x"] + first["width"] <= second["x"]


def test_the_keyboard_is_enough(open_page: Open, demo: str) -> None:
    page = opened(open_page, demo)
    page.get_by_label("Seed", exact=True).locator("visible=true").fill("5")
    before = page.locator(IMAGES).first.get_attribute("src")
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Draw":
            break
    page.keyboard.press("Enter")
    page.wait_for_function("before => document.querySelector('.drawing img')?.src !== before", arg=before, timeout=WAIT)


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_every_tab_is_accessible_and_fits(size: tuple[int, int], scheme: str, open_page: Open, demo: str) -> None:
    page = opened(open_page, demo, size, scheme)
    for tab, button in (("Images", "Draw"), ("Walk", "Walk"), ("Compare", "Compare")):
        page.get_by_role("tab", name=tab).click()
        choose(page, "Class", "7")
        press(page, button)
        check_accessible(page)
        check_fits(page)


def test_an_empty_seed_is_asked_for(open_page: Open, demo: str) -> None:
    page = opened(open_page, demo)
    page.get_by_label("Seed", exact=True).locator("visible=true").fill("")
    press(page, "Draw")
    assert "there is no seed" in page.get_by_role("alert").locator("visible=true").inner_text()


def test_a_count_beyond_the_page_is_brought_back(open_page: Open, demo: str) -> None:
    page = opened(open_page, demo)
    number = page.get_by_label(re.compile("number input for Number of images")).locator("visible=true")
    number.fill("100000")
    number.press("Tab")
    press(page, "Draw")
    assert page.locator(IMAGES).count() <= 64
