"""Any mix of filters, in any order, both ways: no page looks at more keys than it may, and all pages together are the rows."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from deploy.local.servers import Servers
from deploy.provision import provision_collections
from services.query.core.permissions import SCOPES, Caller
from services.query.core.sorting import SORTS, SortField, field_of, is_ascending, place_of
from services.query.handlers.reading import KEYS_PER_ROW, Page, list_logs
from shared.contracts.entries import entry_from_document
from shared.contracts.errors import InvalidFilter
from shared.contracts.events import STATUSES
from shared.contracts.filters import LogFilter
from shared.contracts.groups import group_of
from shared.contracts.matching import lets_pass
from shared.contracts.names import COLLECTIONS, LOG_ENTRIES
from shared.contracts.times import format_instant
from shared.mongo.client import Document
from tests.support.builders import RECEIVED_AT, make_event
from tests.support.explained import counting, explained
from tests.support.seed import entry_document

ROWS = 1_500
CALLER = Caller("loja", "k1", "first", frozenset(SCOPES))
AFFILIATES = ("MLC", "AMZ", "B2W", "mlc", "VIA")
CODES = ("ORD-SLA", "NET-THROTTLE", "MKT-CLOSED", "EOI002")
INSTANTS = [format_instant(RECEIVED_AT + timedelta(minutes=minutes)) for minutes in (-30, 5, 60, 61, 100, 300)]


def entry(number: int) -> Document:
    """One in fifty fails, in bursts of one code; forty rows share an instant; one in ninety was tried again."""
    is_failed = number % 50 < 2 or 700 < number < 720
    status = ("error", "warning")[number % 2] if is_failed else ("success" if number % 9 else "processing")
    code = CODES[number // 200 % 4]
    event = make_event(
        account="loja" if number % 10 else "vizinha",
        kind="order" if number % 7 else "price",
        affiliate=AFFILIATES[min(number * 7919 % 23 // 4, 4)],
        code=f"{number * 7919 % ROWS:04}" if number % 3 else f"PED-{number:04}",
        status=status,
        causes=[{"code": code, "message": f"Sem estoque {number} de {number // 400}"}] if is_failed else [],
        processed_at=format_instant(RECEIVED_AT + timedelta(minutes=number // 40)),
        received_at=RECEIVED_AT + timedelta(seconds=number * 7919 % 9_000),
        aliases={"vtex": f"PED-{number % 600}", "other": f"9{number}"},
    )
    mark = {"reprocess": {"id": f"job-{number % 2}", "state": "sent"}} if number % 61 == 0 else {}
    return entry_document([event], attempts=1 + number % 90 // 88 * (number % 5), **mark)


ENTRIES = [entry(number) for number in range(ROWS)]


@pytest.fixture(scope="module")
def filled(servers: Servers) -> Iterator[tuple[str, str]]:
    name = f"test_{uuid4().hex[:12]}"
    provision_collections(servers.mongo.uri, name, COLLECTIONS)
    with MongoClient[Document](servers.mongo.uri) as client:
        client[name][LOG_ENTRIES].insert_many(ENTRIES)
        yield servers.mongo.uri, name
        client.drop_database(name)


def some_of(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


filters = st.fixed_dictionaries(
    {},
    optional={
        "affiliate": some_of(*AFFILIATES, "ABSENT"),
        "status": some_of(*STATUSES),
        "error_code": some_of(*CODES, "ABSENT"),
        "group": some_of(*(group_of("order", code, "Sem estoque 1 de 1") for code in CODES)),
        "retry": some_of("auto", "fix", "never"),
        "reprocess_id": some_of("job-0", "job-1"),
        "q": st.sampled_from(["ped-1", "ped", "99", "sem estoque", "estoque 712", "9", "0077"]),
        "from": st.sampled_from(INSTANTS),
        "to": st.sampled_from(INSTANTS),
        "date_axis": st.sampled_from(["processed_at", "received_at"]),
        "attempts_min": st.integers(1, 4),
        "stale_since": st.sampled_from(INSTANTS),
    },
)


def expected(rows: LogFilter, sort: str) -> list[str]:
    by: SortField = field_of(sort)
    passing = [entry_from_document(document) for document in ENTRIES if lets_pass(rows, "loja", document)]
    return [one.id for one in sorted(passing, key=lambda one: place_of(one, by), reverse=not is_ascending(sort))]


async def walked(uri: str, name: str, rows: LogFilter, sort: str, limit: int) -> tuple[list[Page], list[Page]]:
    """Return all pages forwards, and those from the last one back; fail if one of them cost too much."""
    async with explained(uri, name, counting) as log:
        log.reader.is_heard = False  # totals have a bound of their own

        async def page(cursor: str | None) -> Page:
            log.forget()
            found = await list_logs(log.reader, CALLER, rows, sort=sort, limit=limit, cursor=cursor)
            told = log.told()
            assert told.keys <= KEYS_PER_ROW * limit + told.scans, (told.keys, told.indexes, cursor)
            return found

        forwards = [await page(None)]
        while forwards[-1].next_cursor:
            forwards.append(await page(forwards[-1].next_cursor))
        backwards = [forwards[-1]]
        while backwards[-1].previous_cursor:
            backwards.append(await page(backwards[-1].previous_cursor))
        if len(backwards) > 1:
            again = await page(backwards[-1].next_cursor)
            assert backwards[-1].items or again.items or not forwards[0].items
        return forwards, backwards


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=filters, sort=st.sampled_from(SORTS), limit=st.sampled_from([3, 10, 50]))
def test_all_pages_of_any_mix_are_its_rows_in_order(
    filled: tuple[str, str], values: dict[str, Any], sort: str, limit: int
) -> None:
    try:
        rows = LogFilter.parse({**values, "kind": "order"})
    except InvalidFilter:
        return
    wanted = expected(rows, sort)
    if len(wanted) > 40 * limit:
        return  # a long walk along one index says no more than a short one

    forwards, backwards = asyncio.run(walked(*filled, rows, sort, limit))

    assert [item.id for page in forwards for item in page.items] == wanted
    assert [item.id for page in reversed(backwards) for item in page.items] == wanted
    assert all(len(page.items) == limit or page.searched_until or not page.next_cursor for page in forwards)
    for page in forwards:
        assert page.total.value == len(wanted) if page.total.relation == "exact" else page.total.value <= len(wanted)


def test_every_order_is_in_the_grid() -> None:
    assert {field_of(sort) for sort in SORTS} == set(get_args(SortField))
