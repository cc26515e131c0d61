import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.query.core.view import MAX_VIEWS, View
from tests.support.fakes.query import FakeAudit, FakeViews
from tests.support.panel_over_fakes import FROM_PANEL, services, visitor

NOW = datetime(2026, 11, 23, tzinfo=UTC)
MINE = View(
    id="0123456789abcdef",
    name="<b>a&b</b>",
    kind="order",
    filter="status=error&q=a%26b+%2B+%C3%A7",
    sort="code",
    created_by="Ana",
    created_at=NOW,
    updated_at=NOW,
    revision=3,
)
LIST = "/logs/price?status=error&q=a%26b%2Bc&limit=50"
FORM = {"name": "Preços", "kind": "price", "status": "error", "q": "a&b+c", "sort": "-attempts", "back": LIST}
REMOVE = f"/views/{MINE.id}/remove"


@pytest.fixture
def views() -> FakeViews:
    known = FakeViews()
    known.views["loja", MINE.id] = MINE
    known.views["vizinha", "f" * 16] = replace(MINE, id="f" * 16, name="Segredo")
    return known


def outcome(answer: httpx.Response) -> tuple[str, str]:
    """Where a form led, and what it said there."""
    assert answer.status_code == 303
    path, _, query = answer.headers["location"].partition("?")
    return path, parse_qs(query)["view"][0]


async def test_the_menu_links_to_every_view_of_the_account_and_marks_the_one_that_is_shown(views: FakeViews) -> None:
    async with await visitor(services(views=views), "read") as client:
        here = await client.get(f"{MINE.address}&limit=50")
        elsewhere = await client.get("/logs/price")
    for page in (here, elsewhere):
        assert MINE.address in unescape(page.text)
        assert "&lt;b&gt;a&amp;b&lt;/b&gt;" in page.text
        assert "Segredo" not in page.text
    assert 'sort=code" aria-current="page"' in here.text
    assert 'sort=code" aria-current="page"' not in elsewhere.text


async def test_who_may_only_read_sees_no_form_and_saves_and_removes_nothing(views: FakeViews) -> None:
    async with await visitor(services(views=views), "read", "export", "reprocess") as client:
        page = await client.get("/logs/order")
        for path, form in (("/views", FORM), (REMOVE, {"revision": "3"})):
            assert f'action="{path}"' not in page.text
            assert (await client.post(path, data=form, headers=FROM_PANEL)).status_code == 403
    assert views.views["loja", MINE.id] == MINE
    async with await visitor(services(), "read") as client:
        assert "Visões salvas" not in (await client.get("/logs/order")).text


async def test_a_form_of_another_site_saves_and_removes_no_view(views: FakeViews) -> None:
    async with await visitor(services(views=views), "read", "admin") as client:
        for path, form in (("/views", FORM), (REMOVE, {"revision": "3"})):
            forged = await client.post(path, data=form, headers={"Origin": "https://evil.example"})
            assert forged.status_code == 403
    assert len(views.views) == 2


async def test_the_list_that_is_shown_is_saved_as_it_is_with_a_line_in_the_audit(views: FakeViews) -> None:
    audit = FakeAudit()
    async with await visitor(services(views=views, audit=audit), "read", "admin") as client:
        saved = await client.post("/views", data=FORM, headers=FROM_PANEL)
        page = await client.get(saved.headers["location"])
    (made,) = [view for view in views.views.values() if view.name == "Preços"]
    assert (made.kind, made.filter, made.sort) == ("price", "status=error&q=a%26b%2Bc", "-attempts")
    assert outcome(saved) == ("/logs/price", "saved")
    assert parse_qs(urlsplit(saved.headers["location"]).query)["limit"] == ["50"]
    assert "Visão salva." in page.text
    assert [line.action for line in audit.lines if line.target == made.id] == ["view.created"]


async def test_a_form_that_is_sent_twice_saves_one_view_and_says_so_both_times(views: FakeViews) -> None:
    async with await visitor(services(views=views), "read", "admin") as client:
        sent = [await client.post("/views", data=FORM, headers=FROM_PANEL) for _ in "12"]
        other = await client.post("/views", data={**FORM, "status": "warning"}, headers=FROM_PANEL)
    assert [outcome(answer)[1] for answer in (*sent, other)] == ["saved", "saved", "taken"]
    assert [view.name for view in views.views.values()].count("Preços") == 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\tb"])
async def test_a_name_that_cannot_be_is_told_on_the_list(views: FakeViews, name: str) -> None:
    async with await visitor(services(views=views), "read", "admin") as client:
        refused = await client.post("/views", data={**FORM, "name": name}, headers=FROM_PANEL)
        page = await client.get(refused.headers["location"])
    assert outcome(refused) == ("/logs/price", "nameless")
    assert f'name="name" value="{name.strip()}"' in page.text
    assert "Dê um nome à visão" in page.text
    assert len(views.views) == 2


async def test_what_became_of_a_form_is_in_no_address_of_the_page_that_tells_it(views: FakeViews) -> None:
    async with await visitor(services(views=views), "read", "reprocess", "admin") as client:
        page = await client.get(f"{LIST}&view=taken&named=x&done=none_chosen&job=7")
    assert "Já existe uma visão com esse nome" in page.text
    assert not re.findall(r'(?:href|value|action)="[^"]*(?:view=|named=|done=)[^"]*"', page.text)
    assert f'name="back" value="{LIST.replace("&", "&amp;")}&amp;job=7"' in page.text


async def test_a_name_that_is_taken_and_a_full_account_are_told_on_the_list(views: FakeViews) -> None:
    async with await visitor(services(views=views), "read", "admin") as client:
        taken = await client.post("/views", data={**FORM, "name": MINE.name.upper()}, headers=FROM_PANEL)
        for n in range(MAX_VIEWS):
            views.views["loja", str(n)] = replace(MINE, id=str(n), name=str(n))
        full = await client.post("/views", data=FORM, headers=FROM_PANEL)
        told = [(await client.get(answer.headers["location"])).text for answer in (taken, full)]
    assert (outcome(taken)[1], outcome(full)[1]) == ("taken", "full")
    assert "Já existe uma visão com esse nome" in told[0]
    assert 'name="name" value="&lt;B&gt;A&amp;B&lt;/B&gt;"' in told[0]
    assert 'class="menu views" open' in told[0]
    assert "200 visões" in told[1]


async def test_a_form_that_was_made_up_is_answered_in_words(views: FakeViews) -> None:
    async with await visitor(services(views=views), "read", "admin") as client:
        for changes in ({"kind": "orders"}, {"sort": "newest"}, {"status": "eror"}):
            assert (await client.post("/views", data={**FORM, **changes}, headers=FROM_PANEL)).status_code == 422
        away = await client.post("/views", data={**FORM, "back": "//evil.example/x"}, headers=FROM_PANEL)
        assert (await client.get("/logs/order?view=<script>")).status_code == 200
    assert outcome(away) == ("/logs/order", "saved")


async def test_a_view_is_removed_as_it_was_shown_or_not_at_all(views: FakeViews) -> None:
    async with await visitor(services(views=views), "read", "admin") as client:
        stale = await client.post(REMOVE, data={"revision": "2", "back": LIST}, headers=FROM_PANEL)
        missing = await client.post(REMOVE, data={"back": LIST}, headers=FROM_PANEL)
        assert views.views["loja", MINE.id] == MINE
        gone = await client.post(f"/views/{'f' * 16}/remove", data={"revision": "3"}, headers=FROM_PANEL)
        removed = await client.post(REMOVE, data={"revision": "3", "back": LIST}, headers=FROM_PANEL)
    assert (outcome(stale), missing.status_code, outcome(gone)) == (
        ("/logs/price", "stale"),
        422,
        ("/logs/order", "removed"),
    )
    assert outcome(removed) == ("/logs/price", "removed")
    assert list(views.views) == [("vizinha", "f" * 16)]
