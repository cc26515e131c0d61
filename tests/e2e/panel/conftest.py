"""A panel with a shop behind it, and a page of a visitor who is signed in."""

import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deploy.local.servers import Servers
from tests.support.browsers import Chromium
from tests.support.panel_site import PanelSite, Visit, running_site

PORTUGUESE = {"locale": "pt-BR", "timezone_id": "America/Sao_Paulo", "viewport": {"width": 1280, "height": 900}}
EXPECTED = ("Failed to load resource: the server responded with a status of 4",)
"""What chromium writes when a page answers 404 or 422 on purpose."""

PATIENCE_MS = 20_000
"""A fact is waited for, not a time: two browsers beside two Kafkas on two cores may need a while."""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def site(servers: Servers) -> Iterator[PanelSite]:
    with running_site(servers) as running:
        yield running


@pytest.fixture(scope="session")
def signed_in(site: PanelSite) -> Any:
    """The cookies of a visitor who signed in with a key."""
    form = urllib.parse.urlencode({"key": site.key, "next": "/static/mark.svg"}).encode()
    request = urllib.request.Request(f"{site.url}/sign-in", data=form, headers={"Origin": site.url})
    jar = CookieJar()
    with urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar)).open(request, timeout=30):
        kept = [{"name": cookie.name, "value": cookie.value, "domain": "127.0.0.1", "path": "/"} for cookie in jar]
    return {"cookies": kept, "origins": []}


@pytest.fixture
def visit(site: PanelSite, browser: Chromium, signed_in: Any) -> Iterator[Visit]:
    """Open a page: `visit(path, **browser options)`. Nothing may be complained about in any console."""
    contexts, complaints = [], []

    def open_page(path: str, **options: Any) -> Page:
        context = browser.new_context(**{**PORTUGUESE, "storage_state": signed_in, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
        page.goto(site.url + path)
        return page

    yield open_page
    for context in contexts:
        browser.close(context)
    assert [text for text in complaints if not text.startswith(EXPECTED)] == []


@pytest.fixture
def page(visit: Visit) -> Page:
    """The orders of the signed-in visitor."""
    return visit("/logs/order")
