"""What is looked for on every page."""

from typing import Any

_OUTSIDE = """
() => {
    const scrolls = one => one !== document.body && one.parentElement
        && (["auto", "scroll"].includes(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
    return [...document.querySelectorAll("body *")]
        .filter(one => one.checkVisibility() && one.getBoundingClientRect().width > 1)
        .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .filter(one => !scrolls(one))
        .map(one => one.outerHTML.slice(0, 120));
}
"""

_STILL = "document.getAnimations().every(one => one.playState !== 'running')"


def check_accessible(page: Any) -> None:
    """axe-core finds nothing: texts for pictures, contrast, labels, order of headings."""
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_function(_STILL)  # what still fades in has less contrast than it will have
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def check_fits(page: Any) -> None:
    """Nothing lies beyond the right edge, whether cut off or to be scrolled to."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.evaluate(_OUTSIDE) == []
