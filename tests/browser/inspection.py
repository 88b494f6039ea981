"""Checks for every page: accessibility, and content that fits the window."""

from typing import Any

_OVERFLOWING = """
() => {
    const scrolls = element => element !== document.body && element.parentElement
        && (["auto", "scroll"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
    return [...document.querySelectorAll("body *")]
        .filter(element => element.checkVisibility() && element.getBoundingClientRect().width > 1)
        .filter(element => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .filter(element => !scrolls(element))
        .map(element => element.outerHTML.slice(0, 120));
}
"""

_NO_ANIMATION = "document.getAnimations().every(element => element.playState !== 'running')"


def check_accessible(page: Any) -> None:
    """Assert that axe-core finds no violation: alternative texts, contrast, labels, order of headings."""
    from axe_playwright_python.sync_playwright import Axe

    page.wait_for_function(_NO_ANIMATION)  # elements that fade in have less contrast
    violations = Axe().run(page).response["violations"]
    assert [(violation["id"], violation["nodes"][0]["html"][:200]) for violation in violations] == []


def check_fits(page: Any) -> None:
    """Assert that nothing extends beyond the right edge, clipped or reached by scrolling."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert page.evaluate(_OVERFLOWING) == []
