"""A list of the panel that lives, and items that are processed while it is looked at."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.support.builders import make_event
from tests.support.panel_site import PanelSite, Visit
from tests.support.seed import entry_document

LIVE = "[data-live][data-state=on]"


def store(site: PanelSite, code: str, **changes: Any) -> None:
    """Let an item be processed now."""
    told = {"account": site.account, "kind": "price", "affiliate": "LIV", "code": code, "aliases": {}, **changes}
    document = entry_document([make_event(**told)])
    state, known = document.pop("state"), {**document, "applied": {}}
    del known["attempts"]
    site.mongo["log_entries"].update_one(
        {"_id": document["_id"]},
        {"$set": {"state": state}, "$inc": {"attempts": 1}, "$setOnInsert": known},
        upsert=True,
    )


def opened(visit: Visit, path: str) -> Page:
    """Return the page of a list once it lives."""
    page = visit(path)
    expect(page.locator(LIVE)).to_have_text("Ao vivo")
    return page
