"""What every test with a browser relies on: one that hangs costs its own test some seconds, and no other test anything."""

import os
import signal

import pytest
from playwright.sync_api import Error, expect

from tests.support import browsers
from tests.support.browsers import Chromium
from tests.support.eventually import eventually

pytestmark = pytest.mark.browser


def test_a_browser_that_hangs_is_ended_and_the_next_context_has_another(
    browser: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsers, "CLOSE_SECONDS", 1.0)
    context = browser.new_context()
    hung = browser.process
    os.kill(hung.pid, signal.SIGSTOP)

    browser.close(context)

    eventually(lambda: not hung.is_running())
    page = browser.new_context().new_page()
    page.set_content("<p>here</p>")
    expect(page.locator("p")).to_have_text("here")


def test_a_page_that_does_not_let_go_is_told_of(browser: Chromium, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browsers, "LEAVE_SECONDS", 2.0)
    context = browser.new_context()
    page = context.new_page()
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.set_content("<button>touch</button>")
    page.get_by_role("button").click()  # who was not touched may not hold its reader back
    page.evaluate("addEventListener('beforeunload', (event) => event.preventDefault())")

    with pytest.raises(Error):
        browser.close(context)
