from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from deploy.local.servers import Servers
from deploy.provision import provision_collections
from services.query.adapters.mongo_log_reader import MongoLogReader
from services.query.core.cursor import Position
from services.query.core.sorting import SortField, value_of
from shared.contracts.entries import LogEntry
from shared.contracts.errors import TooBroad
from shared.contracts.filters import LogFilter
from shared.contracts.names import COLLECTIONS, LOG_ENTRIES
from shared.contracts.times import format_instant
from shared.mongo.client import Database, Document, connect
from shared.mongo.queries import Query
from shared.runtime.clock import now
from tests.support.builders import make_event
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
    ({"affiliate": "MLC"}, "by_affiliate"),
    ({"affiliate": "MLC", "status": "error"}, "by_affiliate"),
    ({"affiliate": ["MLC", "AMZ"], "status": ["error", "success"]}, "by_affiliate"),
    ({"from": "2026-11-23T00:00:00Z", "status": "error"}, "by_status"),
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
]
BY_DATE: list[dict[str, Any]] = [
    {"from": "2026-11-23T11:00:00Z", "date_axis": "received_at", "status": "error"},
    {"stale_since": "2026-11-23T10:05:00Z", "status": "processing"},
    {"retry": "never", "affiliate": "MLC"},
    {"retry": ["fix", "auto"], "status": "error"},
    {"error_code": ["EOI002", "ORD-SLA"], "affiliate": ["AMZ", "MLC"], "status": "error"},
]
SEARCHES = ("PED-1", "PED", "estoque", "sem estoque", "sem estoque 50", "0")


class Explained(MongoLogReader):
    """Explains each question before it asks it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, time_limit_ms=5000, now=now)
        self._database = database
        self.plans: list[Document] = []

    async def _find(self, query: Query, index: str, path: str, *, ascending: bool, limit: int) -> list[LogEntry]:
        direction = 1 if ascending else -1
        order = {"_id": direction} if path == "_id" else {path: direction, "_id": direction}
        await self._explain({"find": LOG_ENTRIES, "filter": query, "sort": order, "limit": limit, "hint": index})
        return await super()._find(query, index, path, ascending=ascending, limit=limit)

    async def _count_of(self, query: Query, index: str | None, at_most: int) -> int:
        hint = {"hint": index} if index else {}
        await self._explain({"count": LOG_ENTRIES, "query": query, "limit": at_most, **hint})
        return await super()._count_of(query, index, at_most)

    async def _explain(self, command: Document) -> None:
        self.plans.append(await self._database.command("explain", command, verbosity="executionStats"))

    @property
    def keys(self) -> int:
        return sum(plan["executionStats"]["totalKeysExamined"] for plan in self.plans)

    @property
    def scans(self) -> list[Document]:
        return [stage for stage in self.stages if stage["stage"] == "IXSCAN"]

    @property
    def stages(self) -> list[Document]:
        return [stage for plan in self.plans for stage in stages_of(plan["executionStats"]["executionStages"])]


def stages_of(plan: Any) -> list[dict[str, Any]]:
    if isinstance(plan, list):
        return [stage for inner in plan for stage in stages_of(inner)]
    if not isinstance(plan, dict):
        return []
    return ([plan] if "stage" in plan else []) + [stage for inner in plan.values() for stage in stages_of(inner)]


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
async def log(servers: Servers, filled: str) -> AsyncIterator[Explained]:
    async with connect(servers.mongo.uri, service="test") as client:
        yield Explained(client[filled])


async def pages_of(log: Explained, rows: LogFilter, *, ascending: bool, by: SortField) -> AsyncIterator[list[LogEntry]]:
    """Yield the first page and the one after the middle of it, with the plans of that page alone in `log`."""
    after = None
    for _ in range(2):
        log.plans.clear()
        page = await log.list_entries("loja", rows, after=after, ascending=ascending, limit=LIMIT + 1, by=by)
        yield page
        if not page:
            return
        middle = page[len(page) // 2]
        after = Position(value_of(middle, by), middle.id)


@pytest.mark.parametrize("ascending", [False, True], ids=["newest first", "oldest first"])
async def test_a_page_examines_as_many_keys_as_it_shows(log: Explained, *, ascending: bool) -> None:
    for asked, index in TIGHT:
        rows = LogFilter.parse({**asked, "kind": "order"})
        async for _page in pages_of(log, rows, ascending=ascending, by="processed_at"):
            assert {scan["indexName"] for scan in log.scans} == {index}, asked
            assert not {"SORT", "COLLSCAN"} & {stage["stage"] for stage in log.stages}, asked
            assert log.plans[0]["executionStats"]["totalDocsExamined"] <= LIMIT + 1, asked
            # A merge looks one key ahead in each of its branches.
            assert log.keys <= LIMIT + 1 + len(log.scans), asked


@pytest.mark.parametrize("by", ["received_at", "code", "attempts"])
async def test_every_order_has_its_index(log: Explained, by: SortField) -> None:
    for ascending in (False, True):
        async for page in pages_of(log, LogFilter(kind=("order",)), ascending=ascending, by=by):
            assert len(page) == LIMIT + 1
            assert not {"SORT", "COLLSCAN"} & {stage["stage"] for stage in log.stages}
            assert log.keys <= 2 * LIMIT


async def test_an_alias_is_looked_up(log: Explained) -> None:
    for text in LOOK_UPS:
        rows = LogFilter(kind=("order",), q=text)
        log.plans.clear()
        found = await log.list_entries("loja", rows, after=None, ascending=False, limit=LIMIT + 1)
        assert len(found) >= 1
        assert log.keys <= LIMIT + 1, (text, log.keys, log.scans)


@pytest.mark.parametrize("by", ["processed_at", "received_at", "code", "attempts"])
async def test_no_mix_of_filters_examines_more_than_fifty_keys_for_a_row(log: Explained, by: SortField) -> None:
    for asked in MIXES + (BY_DATE if by == "processed_at" else []):
        rows = LogFilter.parse({**asked, "kind": "order"})
        async for page in pages_of(log, rows, ascending=False, by=by):
            assert page, asked
            assert "COLLSCAN" not in {stage["stage"] for stage in log.stages}
            assert log.keys <= 50 * LIMIT, (asked, log.keys, [scan["indexName"] for scan in log.scans])


async def test_a_search_looks_at_what_it_finds_or_walks_past_few_others(log: Explained) -> None:
    for text in SEARCHES:
        rows = LogFilter(kind=("order",), q=text)
        found = await log.count_entries("loja", rows, at_most=ROWS)
        assert found
        async for _page in pages_of(log, rows, ascending=False, by="processed_at"):
            assert log.keys <= max(50 * LIMIT, 3 * found), (text, found, log.keys)


async def test_a_question_that_takes_too_long_is_given_up_with_advice(log: Explained) -> None:
    hurried = MongoLogReader(log._database, time_limit_ms=1, now=now)
    rows = LogFilter.parse({"kind": "order", "stale_since": "2000-01-01T00:00:00Z"})
    with pytest.raises(TooBroad, match="narrow the question by `affiliate`, `status`"):
        await hurried.list_entries("loja", rows, after=None, ascending=True, limit=LIMIT, by="code")
