"""Counts tell of which instant they are, and grow old before the reader's eyes where nobody keeps them up."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from deploy.local.servers import Servers
from shared.contracts.names import PROJECTIONS, ROLLUPS
from shared.mongo.client import connect
from tests.support.builders import make_event
from tests.support.eventually import eventually
from tests.support.panel_site import PanelSite, Visit, beside_the_browser
from tests.support.rolling import roll_up
from tests.support.seed import entry_document

pytestmark = pytest.mark.browser

NEW = re.compile(r"^Contado às \d\d:\d\d:\d\d$")
OLD = re.compile(r"Contagem antiga, de \d\d/\d\d/\d{4} \d\d:\d\d:\d\d\. Falta o que mudou depois\.$")

Roll = Callable[[], None]


@pytest.fixture
def roll(site: PanelSite, servers: Servers) -> Iterator[Roll]:
    """Counts the log into rollups, as a worker did that then ended. Afterwards there are none, as other tests have it."""

    async def rolled() -> None:
        async with connect(servers.mongo.uri, service="test") as client:
            await roll_up(client[site.mongo.name])

    yield lambda: beside_the_browser(rolled())
    for name in (PROJECTIONS, ROLLUPS):
        site.mongo[name].delete_many({})
    site.mongo["log_entries"].delete_many({"account": site.account, "affiliate": "CNT"})


def with_a_clock(page: Page) -> Page:
    """Return the page read again under a clock that the test may put forward."""
    page.clock.install()
    page.reload()
    return page


def test_counts_say_when_they_were_counted_and_that_they_are_old_after_a_minute(page: Page) -> None:
    counted = with_a_clock(page).locator(".counted")
    expect(counted).to_have_text(NEW, use_inner_text=True)
    page.clock.fast_forward(30_000)
    expect(counted).to_have_text(NEW, use_inner_text=True)
    page.clock.fast_forward(40_000)
    expect(counted).to_have_text(OLD, use_inner_text=True)


def test_counts_that_a_worker_keeps_are_asked_for_again_while_someone_looks(
    site: PanelSite, visit: Visit, roll: Roll
) -> None:
    roll()
    page = with_a_clock(visit("/logs/price"))
    expect(page.get_by_role("link", name="1 com erro em Preço")).to_be_visible()
    failed = make_event(account=site.account, kind="price", affiliate="CNT", code="1", aliases={})
    site.mongo["log_entries"].insert_one(entry_document([failed]))
    roll()

    page.clock.fast_forward(31_000)

    expect(page.get_by_role("link", name="2 com erro em Preço")).to_be_visible()
    expect(page.locator(".counted")).to_have_text(NEW, use_inner_text=True)


def test_counts_that_nobody_keeps_are_told_as_old_without_a_script_too(
    site: PanelSite, visit: Visit, roll: Roll
) -> None:
    roll()
    told = site.mongo[PROJECTIONS].find_one({})
    assert told is not None
    site.mongo[PROJECTIONS].update_one({}, {"$set": {"as_of": told["as_of"] - timedelta(hours=26)}})
    page = visit("/logs/order", java_script_enabled=False)
    counted = page.locator(".counted")

    def is_counted() -> bool:
        page.reload()  # a page does not wait for counts that are slow, and without a script none follow
        return counted.count() == 1

    eventually(is_counted)
    expect(counted).to_have_text(OLD, use_inner_text=True)


def test_the_time_of_the_counts_is_that_of_the_readers_zone(visit: Visit) -> None:
    here = visit("/logs/order", timezone_id="Asia/Tokyo").locator(".counted time").first
    expect(here).to_have_attribute("title", re.compile(r"\(Asia/Tokyo, UTC\+09:00\)$"))
    assert here.inner_text() == (here.get_attribute("title") or "").split()[1]
