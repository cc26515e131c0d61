from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from uuid import uuid4

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from deploy.provision import provision_collections
from services.query.adapters.log.mongo_log_reader import MongoLogReader
from services.query.core.cursor import Position
from services.query.core.sorting import SortField, value_of
from services.query.handlers.reading import KEYS_PER_ROW, Total
from shared.contracts.entries import LogEntry
from shared.contracts.errors import TooBroad
from shared.contracts.filters import LogFilter
from shared.contracts.groups import group_of
from shared.contracts.matching import lets_pass
from shared.contracts.names import COLLECTIONS, LOG_ENTRIES
from shared.contracts.times import format_instant
from shared.mongo.client import Document, connect
from shared.runtime.clock import now
from tests.support.builders import make_event
from tests.support.explained import Counting, Explained, counting, explained
from tests.support.seed import entry_document

LIMIT = 20
ROWS = 4_000
START = datetime(2026, 11, 23, 10, tzinfo=UTC)
CODES = ("ORD-SLA", "NET-THROTTLE", "MKT-CLOSED", "EOI002")
"""Advised: fix, auto, never, fix."""

TIGHT: list[tuple[dict[str, Any], str]] = [
    ({}, "by_time"),
    ({"status": "error"}, "by_status"),
    ({"status": ["error", "warning"]}, "by_status"),
    ({"status": "success"}, "by_status"),
    ({"status": ["success", "error"]}, "by_status"),
    ({"affiliate": "MLC"}, "by_affiliate"),
    ({"affiliate": "MLC", "status": "error"}, "by_affiliate"),
    ({"affiliate": ["MLC", "AMZ"], "status": ["error", "success"]}, "by_affiliate"),
    ({"from": "2026-11-23T00:00:00Z", "status": "error"}, "by_status"),
    ({"status": ["error", "success", "warning", "processing"]}, "by_time"),
    ({"group": group_of("order", "ORD-SLA", "Sem estoque 1")}, "by_group"),
    ({"error_code": "ORD-SLA"}, "by_cause"),
    ({"error_code": ["ORD-SLA", "MKT-CLOSED", "ABSENT"]}, "by_cause"),
    ({"error_code": "ORD-SLA", "stale_since": "2026-11-23T10:30:00Z"}, "by_cause"),
]
"""Lists whose index has their rows, all of them and no others, in order."""

LOOK_UPS = ("PED-777", "ped-3999", "MLC-777", "alias-1099", "01234")
"""An alias or a code exactly, the only ones that begin so."""

MIXES: list[dict[str, Any]] = [
    {"retry": "auto"},
    {"attempts_min": "3"},
    {"attempts_min": "3", "status": "error"},
    {"attempts_min": "7", "affiliate": "AMZ"},
    {"reprocess_id": "job-1"},
    {"reprocess_id": "job-1", "status": "error", "q": "PED"},
    {"from": "2026-11-23T11:00:00Z", "to": "2026-11-23T11:01:00Z", "date_axis": "received_at"},
    {"error_code": "NET-THROTTLE", "affiliate": "AMZ"},
    {"q": "PED-30", "affiliate": "MLC", "error_code": "ORD-SLA"},
    {"attempts_min": "2", "affiliate": "MLC", "error_code": "MKT-CLOSED", "stale_since": "2026-11-23T10:30:00Z"},
    {"retry": "never", "status": "warning"},
    {"group": group_of("order", "EOI002", "Sem estoque 1"), "affiliate": "B2W", "attempts_min": "3"},
]
BY_DATE: list[dict[str, Any]] = [
    {"from": "2026-11-23T11:00:00Z", "date_axis": "received_at", "status": "error"},
    {"stale_since": "2026-11-23T10:05:00Z", "status": "processing"},
    {"retry": "never", "affiliate": "MLC"},
    {"retry": ["fix", "auto"], "status": "error"},
    {"error_code": ["EOI002", "ORD-SLA"], "affiliate": ["AMZ", "MLC"], "status": "error"},
]
SEARCHES = ("PED-1", "PED", "estoque", "sem estoque", "sem estoque 50", "0")


def many_entries(account: str) -> list[Document]:
    """One in five fails, one in a hundred was tried three times, one in four hundred seven times."""
    return [
        entry_document(
            [
                make_event(
                    account=account,
                    code=f"{n:05}",
                    affiliate=("MLC", "AMZ", "B2W")[n % 3],
                    status="error" if n % 5 == 0 else ("success", "warning", "processing", "success")[n % 4],
                    causes=[{"code": CODES[n // 5 % 4], "message": f"Sem estoque {n}"}] if n % 5 == 0 else [],
                    processed_at=format_instant(START + timedelta(seconds=n // 2)),
                    received_at=START + timedelta(seconds=n * 7919 % ROWS),
                    aliases={"vtex": f"PED-{n}", "other": f"ALIAS-{n}" if n % 100 == 99 else f"MLC-{n}"},
                )
            ],
            attempts=7 if n % 400 == 0 else 3 if n % 100 == 50 else 1,
            **({"reprocess": {"id": f"job-{n // 70 % 2}", "state": "sent"}} if n % 70 == 0 else {}),
        )
        for n in range(ROWS)
    ]


@pytest.fixture(scope="module")
def filled(servers: Servers) -> Iterator[str]:
    """The name of a database of this file's own, with the entries of two accounts."""
    name = f"test_{uuid4().hex[:12]}"
    with MongoClient[Document](servers.mongo.uri) as client:
        provision_collections(servers.mongo.uri, name, COLLECTIONS)
        for account in ("loja", "vizinha"):
            client[name][LOG_ENTRIES].insert_many(many_entries(account), ordered=False)
        yield name
        client.drop_database(name)


@pytest.fixture
async def log(servers: Servers, filled: str) -> AsyncIterator[Explained[Counting]]:
    async with explained(servers.mongo.uri, filled, counting) as found:
        yield found


async def pages_of(
    log: Explained[Counting], rows: LogFilter, *, ascending: bool, by: SortField
) -> AsyncIterator[list[LogEntry]]:
    """Yield the first page and the one after the middle of it; what was asked for that page alone is in `log`."""
    after = None
    for _ in range(2):
        log.forget()
        found = await log.reader.list_entries(
            "loja", rows, after=after, ascending=ascending, limit=LIMIT + 1, by=by, keys=KEYS_PER_ROW * LIMIT
        )
        page = found.entries
        yield page
        if not page:
            return
        middle = page[len(page) // 2]
        after = Position(value_of(middle, by), middle.id)


@pytest.mark.parametrize("ascending", [False, True], ids=["newest first", "oldest first"])
async def test_a_page_examines_as_many_keys_as_it_shows(log: Explained[Counting], *, ascending: bool) -> None:
    for asked, index in TIGHT:
        rows = LogFilter.parse({**asked, "kind": "order"})
        async for _page in pages_of(log, rows, ascending=ascending, by="processed_at"):
            told = log.told("find")
            assert told.indexes == {index}, asked
            assert not {"SORT", "COLLSCAN"} & told.stages, asked
            assert told.documents <= LIMIT + 1, asked
            # A merge looks one key ahead in each of its branches.
            assert told.keys <= LIMIT + 1 + told.scans, asked


@pytest.mark.parametrize("by", ["received_at", "code", "attempts"])
async def test_every_order_looks_at_few_keys(log: Explained[Counting], by: SortField) -> None:
    for ascending in (False, True):
        async for page in pages_of(log, LogFilter(kind=("order",)), ascending=ascending, by=by):
            told = log.told()
            assert len(page) == LIMIT + 1
            assert "COLLSCAN" not in told.stages
            assert told.keys <= 5 * LIMIT + (6 * LIMIT if by == "code" else 0)  # by code each affiliate is looked at


async def test_a_tab_of_one_affiliate_by_code_is_a_range_of_ids(log: Explained[Counting]) -> None:
    rows = LogFilter(kind=("order",), affiliate=("MLC",))
    async for page in pages_of(log, rows, ascending=True, by="code"):
        assert len(page) == LIMIT + 1
        assert log.told().indexes == {"_id_"}
        assert log.told().keys <= 2 * (LIMIT + 1)


async def test_an_alias_is_looked_up(log: Explained[Counting]) -> None:
    for text in LOOK_UPS:
        rows = LogFilter(kind=("order",), q=text)
        log.forget()
        found = await log.reader.list_entries("loja", rows, after=None, ascending=False, limit=LIMIT + 1)
        assert len(found.entries) >= 1
        assert log.told().keys <= LIMIT + 1, text


@pytest.mark.parametrize("others", [{}, {"status": ["success", "error", "warning", "processing"], "retry": "fix"}])
async def test_an_alias_costs_one_question_whatever_stands_beside_it(
    log: Explained[Counting], others: dict[str, Any]
) -> None:
    for text in (*LOOK_UPS, "PED-1000", "pedido sem estoque 3995"):
        rows = LogFilter.parse({**others, "kind": "order", "q": text})
        log.forget()
        found = await log.reader.list_entries("loja", rows, after=None, ascending=False, limit=LIMIT + 1)
        fitting = {one["_id"] for one in many_entries("loja") if lets_pass(rows, "loja", one)}
        assert {entry.id for entry in found.entries} == fitting, text
        assert log.asked() == ["find"], text


async def test_a_total_of_all_statuses_or_of_some_is_told_by_keys_alone(log: Explained[Counting]) -> None:
    for statuses in ([], ["success"], ["error", "success"], ["error", "success", "warning", "processing"]):
        assert log.reader.counts_keys_alone("loja", LogFilter.parse({"kind": "order", "status": statuses})), statuses


async def test_a_total_looks_at_a_bounded_number_of_rows(log: Explained[Counting]) -> None:
    for asked in [*MIXES, *BY_DATE, *({"q": text} for text in SEARCHES)]:
        rows = LogFilter.parse({**asked, "kind": "order"})
        log.forget()
        total = await log.reader.count_entries("loja", rows, at_most=ROWS)
        passing = sum(lets_pass(rows, "loja", document) for document in many_entries("loja"))
        assert total == Total(passing, "exact"), asked
        assert log.told().keys <= 2 * ROWS + 2, asked


@pytest.mark.parametrize("by", get_args(SortField))
async def test_no_mix_of_filters_examines_more_than_fifty_keys_for_a_row(
    log: Explained[Counting], by: SortField
) -> None:
    for asked in [
        *MIXES,
        *BY_DATE,
        *({"q": text} for text in SEARCHES),
        *({"q": t, "status": "warning"} for t in SEARCHES),
    ]:
        rows = LogFilter.parse({**asked, "kind": "order"})
        async for _page in pages_of(log, rows, ascending=False, by=by):
            told = log.told()
            assert "COLLSCAN" not in told.stages
            assert told.keys <= KEYS_PER_ROW * LIMIT + told.scans, (asked, told.keys, told.indexes)


async def test_a_question_that_takes_too_long_is_given_up_with_advice(servers: Servers, filled: str) -> None:
    async with connect(servers.mongo.uri, service="test") as client:
        hurried = MongoLogReader(client[filled], time_limit_ms=1, now=now)
        rows = LogFilter.parse({"kind": "order", "stale_since": "2100-01-01T00:00:00Z"})
        with pytest.raises(TooBroad, match="narrow the question by `affiliate`, `status`"):
            await hurried.list_entries("loja", rows, after=None, ascending=True, limit=LIMIT, by="code")
