"""The built gallery, a browser, and what must hold of every visit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gallery_browser import FLAGS, RUNTIME, Open, Visit, chromium, served

from zoo.gallery import build_site

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to serve, with the gallery two folders below."""
    folder = tmp_path_factory.mktemp("web")
    build_site(folder / "people" / "zoo", runtime=RUNTIME, logs=ROOT)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def open_gallery(browser: Any, web: Path) -> Iterator[Open]:
    """Opens pages of the gallery; afterwards nothing was complained about or asked elsewhere."""
    visits = []
    with served(web) as address:

        def visit(place: str, **options: Any) -> Visit:
            context = browser.new_context(**options)
            found = Visit(context.new_page(), f"{address}people/zoo/")
            visits.append((context, found))
            found.go(place)
            return found

        yield visit
        for context, one in visits:
            context.close()
            assert one.complaints == []
            own = (one.home, "data:", "blob:")
            assert [url for url in one.requests if not url.startswith(own)] == []
