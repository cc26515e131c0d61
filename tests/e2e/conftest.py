"""The browser, for tests that look at pages: Debian's chromium, driven by Playwright."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.support.browsers import Chromium

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


# One for each module, not for the session: while Playwright's sync API lives, its loop counts as running in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    """A browser; missing at home it is a skip, missing in CI a failure."""
    if not CHROMIUM.exists():
        why = f"{CHROMIUM} is missing: install Debian's package chromium"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        running = Chromium(playwright, str(CHROMIUM), ARGUMENTS)
        yield running
        running.end()
