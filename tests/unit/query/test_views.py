from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.query.core.permissions import SCOPES, Caller
from services.query.core.preconditions import Expected, expect_revision
from services.query.core.sorting import SORTS
from services.query.core.view import MAX_FILTER_LENGTH, MAX_VIEWS, View, name_key, print_filter, read_filter, tidy_name
from services.query.entrypoints.pages.address import ListAddress, parse_address
from services.query.handlers.views import (
    NameTaken,
    TooManyViews,
    change_view,
    create_view,
    list_views,
    remove_view,
)
from shared.contracts.errors import (
    InvalidFilter,
    NotFound,
    NotPermitted,
    PreconditionMissing,
    Stale,
    StoreUnavailable,
)
from shared.contracts.filters import LogFilter
from shared.contracts.names import KINDS
from tests.support.fakes.query import FakeAudit, FakeViews
from tests.support.filter_examples import FILTERS, parsed

ADMIN = Caller("loja", "k", "Ana", frozenset(SCOPES))
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
UTC_ZONE = ZoneInfo("UTC")


def view(**changes: Any) -> View:
    made = View("0" * 16, "A", "order", "", "-processed_at", created_by="Ana", created_at=NOW, updated_at=NOW)
    return replace(made, **changes)


async def save(views: FakeViews, audit: FakeAudit | None = None, **changes: Any) -> View:
    said: dict[str, Any] = {"name": "A", "kind": "order", "now": lambda: NOW, **changes}
    return await create_view(views, audit or FakeAudit(), ADMIN, **said)


def printed(rows: LogFilter, kind: str) -> str:
    """Return the filter as a view keeps it, or leave the example out where it is too long for an address."""
    try:
        return print_filter(rows, kind)
    except InvalidFilter:
        assume(len(rows.to_query_string()) <= MAX_FILTER_LENGTH)
        raise


@given(FILTERS, st.sampled_from(KINDS), st.sampled_from(SORTS))
def test_the_address_of_a_view_is_the_one_that_the_panel_writes_for_its_list(
    values: dict[str, Any], kind: Any, sort: str
) -> None:
    rows = replace(parsed(values), kind=(kind,))
    saved = view(kind=kind, filter=printed(rows, kind), sort=sort)
    address = ListAddress(kind, rows, sort=sort)
    assert saved.address == address.href()
    assert parse_address(kind, parse_qs(urlsplit(saved.address).query), UTC_ZONE) == address


@given(FILTERS, st.sampled_from(KINDS))
def test_a_filter_that_was_saved_reads_as_the_filter_it_was(values: dict[str, Any], kind: str) -> None:
    rows = replace(parsed(values), kind=())
    kept = read_filter(printed(rows, kind), kind)
    assert LogFilter.parse(parse_qs(kept)) == rows
    assert read_filter(kept, kind) == kept


@pytest.mark.parametrize("text", ["a&b", "a+b", "não ç", 'it\'s "q"', "100%", "a/b", "#1", "=x", "a;b", "漢字 😀"])
def test_text_survives_being_saved_however_it_is_written(text: str) -> None:
    for written in (urlencode({"q": text}), urlencode({"q": text, "status": ""}), f"q={urlencode({'': text})[1:]}&"):
        assert parse_qs(read_filter(written, "order")) == {"q": [text]}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("color=red", "color"),
        ("error", "error"),
        ("?status=error", "?status"),
        ("status=failed", "status"),
        ("status=error&limit=50", "limit"),
        ("q=a&q=b", "q"),
        ("q=%ff", "filter"),
        ("kind=price", "kind"),
        ("kind=order&kind=price", "kind"),
        ("retry=auto&status=success", "status"),
        ("from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z", "to"),
        ("&".join(f"error_code={n}{'ç' * 100}" for n in range(20)), "filter"),
    ],
)
def test_what_is_no_filter_is_refused_by_its_field(text: str, field: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        read_filter(text, "order")
    assert caught.value.field == field


def test_the_views_own_kind_may_stand_in_the_filter_and_is_left_out() -> None:
    assert read_filter("kind=order&status=error", "order") == "status=error"
    with pytest.raises(InvalidFilter) as caught:
        read_filter("kind=price", "order")
    assert caught.value.allowed == ["order"]
    assert len(read_filter(f"q={'x' * 300}", "order")) < MAX_FILTER_LENGTH


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("Sem SLA", "SEM sla", True),
        (" Sem   SLA ", "Sem SLA", True),
        ("Preços", "PREÇOS", True),
        ("Prec\u0327os", "Pre\u00e7os", True),
        ("Straße", "STRASSE", True),
        ("Preços", "Precos", False),
    ],
)
def test_names_are_told_apart_by_more_than_case(one: str, other: str, *, is_same: bool) -> None:
    assert (name_key(one) == name_key(other)) == is_same
    assert tidy_name(tidy_name(one)) == tidy_name(one)


async def test_a_view_is_written_down_before_it_is_saved_and_not_saved_without() -> None:
    class Away(FakeAudit):
        async def record(self, line: Any) -> None:
            raise StoreUnavailable("away")

    views = FakeViews()
    with pytest.raises(StoreUnavailable):
        await save(views, Away())
    assert views.views == {}


async def test_one_operation_saves_one_view_however_often_it_is_tried() -> None:
    views, audit = FakeViews(), FakeAudit()
    made = [await save(views, audit, operation="op-1") for _ in range(3)]
    assert len({one.id for one in made}) == len(audit.lines) == 1
    with pytest.raises(NameTaken):
        await save(views, operation="op-2")
    assert (await save(views, name="B", operation="op-2")).id != made[0].id


async def test_an_account_keeps_so_many_views_and_no_more() -> None:
    views, audit = FakeViews(), FakeAudit()
    for n in range(MAX_VIEWS):
        await views.add_view("loja", view(id=f"{n:016}", name=str(n)))
    with pytest.raises(TooManyViews, match="200 views"):
        await save(views, audit, name="one more")
    assert audit.lines == []
    await remove_view(views, audit, ADMIN, "0" * 16, expect_revision(1), now=lambda: NOW)
    assert (await save(views, name="one more")).name == "one more"


async def test_two_who_save_the_last_view_at_once_do_not_both_get_in() -> None:
    class SeesLate(FakeViews):
        async def list_views(self, account: str) -> list[View]:
            return []

    views = SeesLate()
    for n in range(MAX_VIEWS):
        await views.add_view("loja", view(id=f"{n:016}", name=str(n)))
    with pytest.raises(TooManyViews, match="200 views"):
        await save(views, name="one more")
    assert len(views.views) == MAX_VIEWS


async def test_a_change_needs_the_newest_revision_and_says_what_else_would_be_lost() -> None:
    views, audit = FakeViews(), FakeAudit()
    made = await save(views, filter="status=error", sort="code")
    later = NOW + timedelta(hours=1)

    async def change(expected: Expected, **changes: Any) -> View:
        return await change_view(views, audit, ADMIN, made.id, changes, expected, reason="why", now=lambda: later)

    with pytest.raises(PreconditionMissing):
        await change(Expected(None), name="B")
    assert await change(expect_revision(1), filter="status=error&q=") == made
    changed = await change(expect_revision(1), name="a", kind="price")
    assert (changed.filter, changed.sort, changed.revision) == ("status=error", "code", 2)
    assert (changed.created_at, changed.updated_at) == (NOW, later)
    with pytest.raises(Stale):
        await change(expect_revision(1), name="C")
    with pytest.raises(Stale):
        await remove_view(views, audit, ADMIN, made.id, expect_revision(1), now=lambda: NOW)
    await save(views, name="Z")
    with pytest.raises(NameTaken):
        await change(expect_revision(2), name="z")
    assert [(line.action, line.target, line.reason) for line in audit.lines] == [("view.changed", made.id, "why")]


async def test_a_view_that_two_remove_at_once_is_told_to_both_as_it_is_afterwards() -> None:
    views, audit = FakeViews(), FakeAudit()
    made = await save(views)
    remove = views.remove_view

    async def late(account: str, view: View, *, until: datetime) -> bool:
        await remove(account, view, until=until)
        return await remove(account, view, until=until)

    views.remove_view = late  # type: ignore[method-assign]
    for _ in range(2):
        assert await remove_view(views, audit, ADMIN, made.id, expect_revision(1), now=lambda: NOW) == made
    for other in (Expected(None), Expected(("*",)), expect_revision(2)):
        with pytest.raises(NotFound):
            await remove_view(views, audit, ADMIN, made.id, other, now=lambda: NOW)
    assert [line.action for line in audit.lines] == ["view.removed"]


async def test_a_view_that_was_changed_while_it_was_removed_stays() -> None:
    views, audit = FakeViews(), FakeAudit()
    made = await save(views)
    remove = views.remove_view

    async def late(account: str, view: View, *, until: datetime) -> bool:
        await views.replace_view(account, replace(view, name="B", revision=2), revision=1)
        return await remove(account, view, until=until)

    views.remove_view = late  # type: ignore[method-assign]
    with pytest.raises(Stale):
        await remove_view(views, audit, ADMIN, made.id, expect_revision(1), now=lambda: NOW)
    assert (await views.list_views("loja"))[0].name == "B"


async def test_who_may_not_administrate_reads_views_and_changes_none() -> None:
    views = FakeViews()
    made = await save(views)
    lesser = replace(ADMIN, scopes=frozenset(SCOPES) - {"admin"})
    nobody = replace(ADMIN, scopes=frozenset({"export"}))
    audit = FakeAudit()
    for doing in (
        create_view(views, audit, lesser, name="B", kind="order", now=lambda: NOW),
        change_view(views, audit, lesser, made.id, {"name": "B"}, expect_revision(1), now=lambda: NOW),
        remove_view(views, audit, lesser, made.id, expect_revision(1), now=lambda: NOW),
        list_views(views, nobody),
    ):
        with pytest.raises(NotPermitted):
            await doing
    assert await list_views(views, lesser) == [made]
    assert audit.lines == []


async def test_another_accounts_view_is_not_there() -> None:
    views, audit = FakeViews(), FakeAudit()
    made = await save(views)
    stranger = replace(ADMIN, account="vizinha")
    assert await list_views(views, stranger) == []
    with pytest.raises(NotFound):
        await remove_view(views, audit, stranger, made.id, expect_revision(1), now=lambda: NOW)
    with pytest.raises(NotFound):
        await change_view(views, audit, stranger, made.id, {"name": "B"}, expect_revision(1), now=lambda: NOW)
