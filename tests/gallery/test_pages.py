"""Pages in a real browser: small, accessible, good on a phone; cards are found."""

from __future__ import annotations

import pytest
from gallery_browser import AXE, PHONE, Open, need_browser, page_of, records

import zoo

need_browser()
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of Playwright's event loop

INDEX_BYTES = 100_000
SERIOUS = ("serious", "critical")
DIGITS = records("image-classification", "mnist")
PAGES = ["index.html", *map(page_of, zoo.list_weights())]


def test_the_index_is_small_and_fetches_no_model_by_itself(open_gallery: Open) -> None:
    visit = open_gallery("index.html")
    visit.page.wait_for_load_state("networkidle")
    assert [url for url in visit.requests if "/weights/" in url or ".wasm" in url] == []
    size = """() => performance.getEntriesByType("resource").concat(
        performance.getEntriesByType("navigation")).reduce((a, one) => a + one.transferSize, 0)"""
    assert 10_000 < visit.page.evaluate(size) < INDEX_BYTES


def test_models_can_be_searched_filtered_and_sorted(open_gallery: Open) -> None:
    visit = open_gallery("index.html")
    shown = visit.page.locator(".card:visible h3")
    assert shown.all_inner_texts() == zoo.list_weights()
    visit.page.select_option("[name=order]", "largest")
    sizes = {name: zoo.get_weights(name).parameters for name in zoo.list_weights()}
    assert [sizes[name] for name in shown.all_inner_texts()] == sorted(sizes.values())[::-1]
    visit.page.select_option("[name=task]", "image-classification")
    visit.page.select_option("[name=data]", "mnist")
    assert set(shown.all_inner_texts()) == set(DIGITS)
    visit.page.fill("[name=search]", DIGITS[0].partition(".")[0].upper())
    assert shown.all_inner_texts() == [DIGITS[0]]
    visit.page.fill("[name=search]", "nothing like it")
    assert visit.page.locator("[data-empty]").is_visible()
    assert visit.page.locator("[data-count]").inner_text() == f"0 of {len(sizes)}"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(open_gallery: Open, scheme: str) -> None:
    viewport = PHONE if scheme == "dark" else None
    visit = open_gallery(PAGES[0], color_scheme=scheme, viewport=viewport)
    faults = []
    for place in PAGES:
        visit.go(place)
        if visit.page.locator("[data-sample]").count():
            visit.page.locator("[data-sample]").first.click()
            visit.settled()
        visit.page.evaluate(AXE.read_text("utf-8"))
        for one in visit.page.evaluate("async () => (await axe.run()).violations"):
            nodes = [node["html"][:120] for node in one["nodes"]]
            if one["impact"] in SERIOUS:
                faults.append(f"{place}: {one['id']}: {nodes}")
    assert faults == []


def test_no_page_is_wider_than_a_phone(open_gallery: Open) -> None:
    visit = open_gallery(PAGES[0], viewport=PHONE)
    wide = []
    for place in PAGES:
        visit.go(place)
        if visit.page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            wide.append(place)
    assert wide == []
